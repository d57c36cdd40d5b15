import { equalBytes } from '@memoric/crypto/bytes.ts'
import { commitTo } from '@memoric/crypto/commitment.ts'
import { CryptoError } from '@memoric/crypto/errors.ts'
import { hashLeaf } from '@memoric/crypto/merkle-hash.ts'
import { verifyConsistency } from '@memoric/crypto/merkle-proof.ts'
import type { NoteVerifier } from '@memoric/crypto/signed-note.ts'
import { parseHash } from '@memoric/crypto/tlog-proof.ts'
import { createTreeBuilder } from '@memoric/crypto/tree-builder.ts'
import {
  type ExportHeader,
  type ExportLine,
  type ExportTrailer,
  type Leaf,
  parseObject,
  readHeader,
  readLeaf,
  readLine,
  readTrailer,
} from './export-line.ts'
import type { Finding, FindingKind } from './finding.ts'
import { createHeadChecks, type HeadChecks, isFinding, readSigned, type SignedHead } from './known-checkpoints.ts'
import { createSequences } from './sequences.ts'

export interface VerifyOptions {
  /** Keys that are trusted, those of the log and those of witnesses. */
  readonly verifiers: readonly NoteVerifier[]
  /** States that were signed before, such as those of an anchor file or the one that was seen last. */
  readonly known?: readonly SignedHead[]
  /** The state that was seen last: the log must continue it. */
  readonly last?: SignedHead | undefined
  /** Consistency proof from that one to the checkpoint, for an export that leaves lines out. */
  readonly consistency?: readonly Uint8Array[] | undefined
}

export interface ExportReport {
  /** Nothing is wrong when it is empty. */
  readonly findings: readonly Finding[]
  readonly checkpoint: SignedHead | undefined
  readonly lines: number
  /** Lines with personal data that is what they commit to. */
  readonly disclosed: number
  /** Lines that retention dropped, as the log itself says. */
  readonly dropped: number
  /** Signed states of before that the tree was found to go through. */
  readonly matched: number
}

/** More would not be read. */
const MAX_FINDINGS = 1000

/** Checks an export line by line, in bounded memory. */
export async function verifyExport(
  lines: AsyncIterable<string> | Iterable<string>,
  options: VerifyOptions,
): Promise<ExportReport> {
  const check = createExportCheck(options)
  for await (const line of lines) check.line(line)
  return check.end()
}

interface ExportCheck {
  line(text: string): void
  end(): ExportReport
}

function createExportCheck(options: VerifyOptions): ExportCheck {
  const findings: Finding[] = []
  const tree = createTreeBuilder()
  const sequences = createSequences()
  let heads: HeadChecks = createHeadChecks([])
  let number = 0
  let lines = 0
  let disclosed = 0
  let header: ExportHeader | undefined
  let checkpoint: SignedHead | undefined
  let trailer: ExportTrailer | undefined
  /** Places of a whole log that have no line. */
  let missing = 0
  let suspect: Finding | undefined
  let isBroken = false
  /** Place after the last line. */
  let next = 0

  function find(kind: FindingKind, message: string, place: Partial<Finding> = {}): Finding {
    const finding = { kind, message, line: number, ...place }
    if (findings.length < MAX_FINDINGS) findings.push(finding)
    return finding
  }

  function begin(text: string): void {
    const value = parseObject(text)
    header = value === undefined ? undefined : readHeader(value)
    if (header === undefined) {
      find('malformed', 'the file does not begin with the header of an export')
      return
    }
    const signed = readSigned(header.checkpoint, options.verifiers)
    if (isFinding(signed)) {
      findings.push({ ...signed, line: number })
      return
    }
    checkpoint = signed
    const { origin, size } = signed
    const before = [...(options.known ?? []), ...(options.last ? [options.last] : [])]
    heads = createHeadChecks([...before.filter((head) => head.origin === origin && head.size <= size), signed])
  }

  /** Adds what lies between two lines; false where the hashes do not lead to the next line. */
  function skipTo(end: number, hashes: readonly string[]): boolean {
    let at = 0
    while (tree.size() < end) {
      const height = heightOf(tree.size(), end)
      const hash = hashes[at]
      if (hash === undefined) break
      tree.append(height, parseHash(hash))
      heads.pass(tree.size(), tree.root)
      at += 1
    }
    return tree.size() === end && at === hashes.length
  }

  function skip(end: number, hashes: readonly string[]): void {
    const from = tree.size()
    if (from === end && hashes.length === 0) return
    if (from < end && header?.tenantId === null && header.complete) missing += end - from
    const place = { log_index: from }
    try {
      if (isBroken || skipTo(end, hashes)) return
      find('deleted', `lines ${from} to ${end - 1} of the log are missing, and so are their hashes`, place)
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error
      find('malformed', `the hashes before line ${end} of the log cannot be read`, place)
    }
    isBroken = true
  }

  function grow({ logIndex, leafHash, skip: hashes }: ExportLine): void {
    skip(logIndex, hashes)
    next = logIndex + 1
    if (isBroken) return
    tree.append(0, parseHash(leafHash))
    heads.pass(tree.size(), tree.root)
  }

  function unreadable(line: ExportLine): void {
    if (line.logIndex >= next) grow(line)
    find('changed', `what stands at place ${line.logIndex} is no line of a log`, { log_index: line.logIndex })
  }

  function checkLeaf(line: ExportLine, leaf: Leaf, hash: string): void {
    const place = { log_index: line.logIndex, event_id: leaf.eventId }
    const isSigned = hash === line.leafHash
    if (line.logIndex < next && isBroken && isSigned) {
      sequences.seeUnsigned(leaf)
      find('reordered', `the line ${describe(leaf)} does not stand in the order of the log`, place)
      return
    }
    if (line.logIndex < next || (checkpoint !== undefined && line.logIndex >= checkpoint.size)) {
      // Of two lines at one place the one that was signed there stays.
      if (isSigned && suspect?.log_index === line.logIndex) suspect.kind = 'inserted'
      else find('inserted', `the line ${describe(leaf)} was never signed at place ${line.logIndex} of the log`, place)
      return
    }
    grow(line)
    suspect = undefined
    if (leaf.logIndex !== line.logIndex) {
      const message = `the line ${describe(leaf)} stands at place ${line.logIndex} of the log and belongs at ${leaf.logIndex}`
      find('reordered', message, place)
    } else if (!isSigned) {
      suspect = find(
        'changed',
        `the line ${describe(leaf)} is not what was signed at place ${line.logIndex} of the log`,
        place,
      )
    }
    if (isSigned && sequences.see(leaf, number) === 'repeated') {
      find('inserted', `${describe(leaf)} has a number that its tenant had before`, place)
    }
    if (!isSigned) sequences.seeUnsigned(leaf)
    checkTenant(leaf, place)
    checkPersonal(line, leaf, place)
  }

  function checkTenant(leaf: Leaf, place: Partial<Finding>): void {
    if (header?.tenantId == null || leaf.tenantId === header.tenantId) return
    find('inserted', `${describe(leaf)} is of another tenant than the export`, place)
  }

  function checkPersonal({ personal }: ExportLine, leaf: Leaf, place: Partial<Finding>): void {
    if (personal === null) return
    const { salt, ip_address, user_agent, email } = personal
    if (commitmentOf(salt, { ip_address, user_agent, email }) === leaf.commitment) disclosed += 1
    else find('personal_changed', `the personal data of ${describe(leaf)} is not what the line commits to`, place)
  }

  function read(text: string): void {
    const value = parseObject(text)
    if (value === undefined) return void find('malformed', 'the line is no JSON')
    const end = 'lines' in value ? readTrailer(value) : undefined
    if (end !== undefined) return void (trailer = end)
    const line = readLine(value)
    const leaf = line === undefined ? undefined : readLeaf(line.canonical)
    if (line === undefined) return void find('malformed', 'the line is not one of an export')
    lines += 1
    try {
      if (leaf === undefined) unreadable(line)
      else checkLeaf(line, leaf, hashLeaf(Buffer.from(line.canonical)).toString('base64'))
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error
      find('malformed', 'the hash of the line cannot be read', { log_index: line.logIndex })
    }
  }

  function finish({ size, root }: SignedHead, { lines: told, skip: rest }: ExportTrailer): void {
    if (told !== lines) find('cut_off', `the file has ${lines} lines of the log, and its last line counts ${told}`)
    skip(size, rest)
    if (!isBroken && !equalBytes(tree.root(), root)) find('wrong_root', wrongRoot(heads))
    checkLast(size, root)
  }

  function checkLast(size: number, root: Uint8Array): void {
    const { last, consistency } = options
    if (last === undefined) return
    if (last.origin !== checkpoint?.origin) {
      find('forked', `the log was called ${last.origin} when it was seen last`)
    } else if (last.size > size) {
      find('rolled_back', `the checkpoint has ${size} lines, and one of ${last.size} was seen before`)
    } else if (heads.missed().some((head) => head.size === last.size)) {
      if (consistency === undefined)
        find(
          'not_consistent',
          `a consistency proof from ${last.size} to ${size} is needed to compare with what was seen last`,
        )
      else if (!verifyConsistency(last, { size, root }, consistency))
        find('forked', `the log of ${size} lines does not continue the one of ${last.size} that was seen last`)
    }
  }

  function tellGaps(): void {
    if (header?.complete !== true) return
    for (const { tenantId, from, to, line, logIndex } of sequences.unexplained()) {
      const which = from === to ? `line ${from}` : `lines ${from} to ${to}`
      const message = `${which} of tenant ${tenantId} (tenant_seq) are missing before place ${logIndex} of the log`
      find('deleted', message, { line, log_index: logIndex })
    }
  }

  return {
    line(text) {
      number += 1
      if (number === 1) begin(text)
      else if (checkpoint !== undefined && trailer === undefined) read(text)
      else if (trailer !== undefined) find('malformed', 'there is more after the last line of the export')
    },
    end() {
      if (checkpoint !== undefined) {
        tellGaps()
        if (trailer === undefined) find('cut_off', 'the file ends before the last line of the export')
        else finish(checkpoint, trailer)
      } else if (number === 0) find('malformed', 'the file is empty')
      const dropped = sequences.dropped()
      if (missing > dropped && findings.length === 0) find('deleted', missingLines(missing, dropped))
      return { findings, checkpoint, lines, disclosed, dropped, matched: heads.matched() }
    },
  }
}

function wrongRoot(heads: HeadChecks): string {
  const { after, upTo } = heads.mismatch() ?? { after: 0, upTo: 0 }
  const where = upTo > after ? `: what was signed differs between places ${after} and ${upTo - 1} of the log` : ''
  return `the lines and hashes do not give the root that was signed${where}`
}

function missingLines(missing: number, dropped: number): string {
  const rest = dropped === 0 ? '' : `, and the log says of ${dropped} of them that retention dropped them`
  return `${missing} lines of the log are missing${rest}`
}

function describe({ eventId, tenantId, tenantSeq }: Leaf): string {
  return `of event ${eventId} (line ${tenantSeq} of tenant ${tenantId})`
}

/** Height of the largest complete subtree that begins at `from` and does not reach beyond `end`. */
function heightOf(from: number, end: number): number {
  let height = 0
  while (from % 2 ** (height + 1) === 0 && from + 2 ** (height + 1) <= end) height += 1
  return height
}

/** Undefined for a salt of the wrong length. */
function commitmentOf(salt: string, value: unknown): string | undefined {
  const bytes = Buffer.from(salt, 'base64')
  return bytes.length === 32 ? commitTo(bytes, value) : undefined
}
