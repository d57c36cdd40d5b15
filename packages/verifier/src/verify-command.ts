import { createReadStream } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { CryptoError } from '@memoric/crypto/errors.ts'
import { type NoteVerifier, parseVerifierKey } from '@memoric/crypto/signed-note.ts'
import type { Finding } from './finding.ts'
import { isFinding, readSigned, type SignedHead, splitNotes } from './known-checkpoints.ts'
import { readLines } from './read-lines.ts'
import { verifyExport } from './verify-export.ts'
import { continues, readConsistency, verifyProof } from './verify-proof.ts'

/** With which code the process ends. */
export const EXIT_CODES = { right: 0, wrong: 1, usage: 2, unreadable: 3 } as const

const USAGE = [
  'memoric-verify export <file.ndjson> --key <file> [--checkpoints <file>] [--state <file>] [--consistency <file>] [--json]',
  'memoric-verify proof <file> --key <file> [--leaf <file>] [--json]',
  'memoric-verify checkpoint <file> --key <file> [--state <file>] [--consistency <file>] [--json]',
  '',
  '  --key          verifier keys, one a line: those of /.well-known/memoric-audit-key, and of witnesses',
  '  --checkpoints  checkpoints that were kept, one after the other, as the file anchor writes them',
  '  --state        the checkpoint that was seen last; written anew when everything is right',
  '  --consistency  answer of /v1/audit/consistency from the one seen last, where the export leaves lines out',
  '  --leaf         text of the leaf (canonical) of a .tlog-proof file',
  '  --witnesses N  how many of the keys of witnesses must have cosigned the checkpoint',
  '',
  'It connects to nothing. Ends with 0 when everything is right, 1 when something is wrong, 2 when the command is, 3 when a file cannot be read.',
]

export interface Surroundings {
  readonly out: (line: string) => void
  readonly err: (line: string) => void
}

class UsageError extends Error {
  override readonly name = 'UsageError'
}

const options = {
  help: { type: 'boolean', short: 'h' },
  json: { type: 'boolean' },
  key: { type: 'string', multiple: true },
  checkpoints: { type: 'string' },
  state: { type: 'string' },
  consistency: { type: 'string' },
  leaf: { type: 'string' },
  witnesses: { type: 'string' },
} as const

/** Does what a command line asks for; gives the exit code. */
export async function runVerifier(args: readonly string[], { out, err }: Surroundings): Promise<number> {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
    if (values.help === true || positionals[0] === 'help') {
      USAGE.forEach((line) => out(line))
      return EXIT_CODES.right
    }
    const result = await verify(positionals, values)
    tell(result, values.json === true, out)
    return result.findings.length === 0 ? EXIT_CODES.right : EXIT_CODES.wrong
  } catch (error) {
    err(error instanceof Error ? error.message : 'The command failed.')
    if (!isUsage(error)) return EXIT_CODES.unreadable
    USAGE.forEach((line) => err(line))
    return EXIT_CODES.usage
  }
}

/** parseArgs throws TypeErrors that say what is wrong. */
function isUsage(error: unknown): boolean {
  return error instanceof UsageError || error instanceof TypeError
}

interface Values {
  readonly key?: string[]
  readonly checkpoints?: string
  readonly state?: string
  readonly consistency?: string
  readonly leaf?: string
  readonly witnesses?: string
}

interface Result {
  readonly findings: readonly Finding[]
  readonly checkpoint: SignedHead | undefined
  /** For a person. */
  readonly summary: string
  readonly figures: Readonly<Record<string, number>>
}

async function verify([what, file, ...surplus]: readonly string[], values: Values): Promise<Result> {
  if (file === undefined || surplus.length > 0) throw new UsageError('Say what to verify, and the file.')
  const verifiers = await readKeys(values.key ?? [])
  const last = await readLast(values.state, verifiers)
  const result = await verifyWhat(what, file, values, verifiers, last)
  const checked = requireWitnesses(result, values.witnesses)
  if (checked.findings.length === 0 && checked.checkpoint !== undefined)
    await keepLast(values.state, checked.checkpoint, last)
  return checked
}

async function verifyWhat(
  what: string | undefined,
  file: string,
  values: Values,
  verifiers: readonly NoteVerifier[],
  last: SignedHead | undefined,
): Promise<Result> {
  if (what === 'export') return verifyExportFile(file, values, verifiers, last)
  if (what === 'checkpoint') return verifyCheckpointFile(file, values, verifiers, last)
  if (what !== 'proof') throw new UsageError(`There is no "${what ?? ''}".`)
  const leaf = values.leaf === undefined ? undefined : await readFile(values.leaf, 'utf8')
  const { findings, checkpoint, index } = verifyProof(await readFile(file, 'utf8'), leaf, verifiers)
  return { findings, checkpoint, summary: `the leaf is at place ${index} of the log`, figures: {} }
}

async function verifyExportFile(
  file: string,
  values: Values,
  verifiers: readonly NoteVerifier[],
  last: SignedHead | undefined,
): Promise<Result> {
  const known = await readKnown(values.checkpoints, verifiers)
  const consistency = await readProof(values.consistency)
  const stream = createReadStream(file, { encoding: 'utf8', highWaterMark: 1 << 20 })
  const report = await verifyExport(readLines(stream), { verifiers, known: known.heads, last, consistency })
  const { lines, disclosed, dropped, matched, checkpoint } = report
  return {
    findings: [...known.findings, ...report.findings],
    checkpoint,
    summary: `${lines} lines are what was signed, under the checkpoint of ${checkpoint?.size} lines of ${checkpoint?.origin}`,
    figures: { lines, disclosed, dropped, matched },
  }
}

async function verifyCheckpointFile(
  file: string,
  values: Values,
  verifiers: readonly NoteVerifier[],
  last: SignedHead | undefined,
): Promise<Result> {
  const signed = readSigned(await readFile(file, 'utf8'), verifiers)
  if (isFinding(signed)) return { findings: [signed], checkpoint: undefined, summary: '', figures: {} }
  const proof = await readProof(values.consistency)
  const findings: Finding[] = []
  if (last !== undefined && !continues(last, signed, proof ?? [])) {
    const message = `the checkpoint of ${signed.size} lines was not shown to continue the one of ${last.size} that was seen last`
    findings.push({ kind: proof === undefined && last.size < signed.size ? 'not_consistent' : 'forked', message })
  }
  return {
    findings,
    checkpoint: signed,
    summary: `the checkpoint of ${signed.size} lines of ${signed.origin} is signed`,
    figures: {},
  }
}

function requireWitnesses(result: Result, text: string | undefined): Result {
  const needed = Number(text ?? 0)
  if (!Number.isSafeInteger(needed) || needed < 0) throw new UsageError('--witnesses takes a number.')
  const seen = new Set(result.checkpoint?.witnesses).size
  if (seen >= needed) return result
  const finding: Finding = {
    kind: 'not_signed',
    message: `${seen} witnesses cosigned the checkpoint, and ${needed} should have`,
  }
  return { ...result, findings: [...result.findings, finding] }
}

async function readKeys(files: readonly string[]): Promise<NoteVerifier[]> {
  if (files.length === 0) throw new UsageError('Give the verifier keys with --key.')
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')))
  const lines = texts.flatMap((text) => text.split('\n')).filter((line) => line.trim() !== '')
  try {
    return lines.map(parseVerifierKey)
  } catch (error) {
    if (error instanceof CryptoError)
      throw new Error('A verifier key cannot be read: name+hash+base64, one a line.', { cause: error })
    throw error
  }
}

async function readKnown(file: string | undefined, verifiers: readonly NoteVerifier[]) {
  const read = splitNotes(file === undefined ? '' : await readFile(file, 'utf8')).map((note) =>
    readSigned(note, verifiers),
  )
  return { heads: read.filter((one): one is SignedHead => !isFinding(one)), findings: read.filter(isFinding) }
}

async function readProof(file: string | undefined): Promise<readonly Uint8Array[] | undefined> {
  if (file === undefined) return undefined
  const proof = readConsistency(await readFile(file, 'utf8'))
  if (proof === undefined) throw new Error('The consistency proof cannot be read.')
  return proof
}

/** Undefined before anything was seen. */
async function readLast(file: string | undefined, verifiers: readonly NoteVerifier[]): Promise<SignedHead | undefined> {
  const note = file === undefined ? undefined : await readIfThere(file)
  if (note === undefined) return undefined
  const signed = readSigned(note, verifiers)
  if (isFinding(signed)) throw new Error(`The state cannot be used: ${signed.message}.`)
  return signed
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

async function keepLast(file: string | undefined, seen: SignedHead, before: SignedHead | undefined): Promise<void> {
  if (file === undefined || (before !== undefined && before.size >= seen.size)) return
  await writeFile(`${file}.new`, seen.note)
  await rename(`${file}.new`, file)
}

function tell({ findings, checkpoint, summary, figures }: Result, json: boolean, out: (line: string) => void): void {
  if (json) {
    const signed = checkpoint && { origin: checkpoint.origin, size: checkpoint.size, witnesses: checkpoint.witnesses }
    out(JSON.stringify({ right: findings.length === 0, ...figures, checkpoint: signed ?? null, findings }, null, 2))
    return
  }
  for (const { kind, message, line } of findings)
    out(`${line === undefined ? '' : `line ${line}: `}${kind}: ${message}`)
  if (findings.length === 0) out(`${summary}.`)
  else out(`${findings.length} ${findings.length === 1 ? 'thing is' : 'things are'} wrong.`)
}
