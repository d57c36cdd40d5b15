import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import { wholeTenant } from '../keys/subject-keys.ts'
import { beginSubject, type ExportPlace, finishSubject, insertChunk, lockSubjectKey } from './chunk-repository.ts'
import { type ExportLine, lineText } from './export-lines.ts'
import type { ExportDeps } from './export-deps.ts'
import { type Claimed, notePlace, renewClaim } from './export-repository.ts'
import { sealChunk } from './seal-chunk.ts'

/** Why the work on an export, or on a subject of it, cannot go on. */
export class ExportInterrupted extends Error {
  override readonly name = 'ExportInterrupted'
  readonly why: 'claim_lost' | 'subject_gone' | 'key_rotated'

  constructor(why: ExportInterrupted['why']) {
    super(`an export was interrupted: ${why}`)
    this.why = why
  }
}

export interface ExportWriter {
  add(line: ExportLine): Promise<void>
  /** Writes what is left and gives how many memories there were. */
  finish(): Promise<number>
}

/** Bytes of lines from which on they are sealed as a chunk; so much is in memory at a time. */
const CHUNK_BYTES = 262_144

/** How long a claim holds unless it is renewed, s. */
export const CLAIM_SECONDS = 60

/** Takes the lines of one subject and writes them in sealed chunks, from the beginning. */
export async function openExportWriter(
  { sql }: Pick<ExportDeps, 'sql'>,
  job: Claimed,
  place: ExportPlace,
  keys: SubjectKeys,
  doneBefore: number,
): Promise<ExportWriter> {
  const counts: Record<string, number> = {}
  let [waiting, bytes, number]: [string[], number, number] = [[], 0, 0]
  await claimed(async (tx) => beginSubject(tx, place))
  return {
    async add(line) {
      const text = lineText(line)
      counts[line.type] = (counts[line.type] ?? 0) + 1
      waiting.push(text)
      bytes += Buffer.byteLength(text)
      if (bytes >= CHUNK_BYTES) await flush()
    },
    async finish() {
      if (bytes > 0) await flush()
      await claimed(async (tx) => {
        await finishSubject(tx, place, number, counts)
        await notePlace(tx, job, place.subjectId)
      })
      return counts.memory ?? 0
    },
  }

  async function flush(): Promise<void> {
    const lines = Buffer.from(waiting.join(''))
    waiting = []
    bytes = 0
    number += 1
    const sealed = sealChunk(keys, { ...place, number }, lines)
    await claimed((tx) => insertChunk(tx, place, number, sealed))
  }

  /** Runs `work` while the export is ours and the key seals what is written now. */
  function claimed(work: (tx: Parameters<typeof renewClaim>[0]) => Promise<unknown>): Promise<void> {
    return tenantTransaction(sql, wholeTenant(place.tenantId), async (tx) => {
      const [ours] = await renewClaim(tx, job, doneBefore + (counts.memory ?? 0), CLAIM_SECONDS)
      if (ours === undefined) throw new ExportInterrupted('claim_lost')
      const version = keys.content.current().id
      const [subject] = await lockSubjectKey(tx, place, version)
      if (subject === undefined) throw new ExportInterrupted('subject_gone')
      if (subject.key_version !== version) throw new ExportInterrupted('key_rotated')
      await work(tx)
    })
  }
}
