import type { ConsentLine, EdgeLine, MemoryLine } from '../exports/export-lines.ts'
import type { ImportBatch, VersionOf } from './import-batch.ts'
import type { RecordLine } from './import-records.ts'
import { wrongLine } from './import-error.ts'
import type { NumberedLine } from './read-export.ts'

/** A batch, with the number of its last line. */
export interface NumberedBatch extends ImportBatch {
  readonly lastLine: number
  /** Memories that have expired since they were exported, which nobody needs any more. */
  readonly expired: number
}

/** An event names every memory of a batch and may have 32 KiB. */
const MEMORIES = 200
const REST = 500

/** Puts lines together that one transaction writes: of one subject, in their order. */
export async function* gatherBatches(lines: AsyncIterable<NumberedLine>, now: Date): AsyncGenerator<NumberedBatch> {
  let batch = emptyBatch('')
  let memory: MemoryLine | undefined
  let lastLine = 0
  for await (const { number, line } of withLinksLast(lines)) {
    const subjectId = line.type === 'memory_version' ? batch.subjectId : line.subject_id
    if (subjectId !== batch.subjectId || batch.memories.length >= MEMORIES || rest(batch) >= REST) {
      if (!isEmpty(batch)) yield { ...batch, lastLine }
      batch = emptyBatch(subjectId)
    }
    lastLine = number
    if (line.type === 'memory') {
      memory = isExpired(line, now) ? undefined : line
      if (memory === undefined) batch.expired += 1
      else if (batch.memories.some(({ id }) => id === line.id)) throw wrongLine(number, `/id is that of a line before`)
      else batch.memories.push(memory)
    } else if (line.type === 'memory_version') {
      if (memory !== undefined) batch.versions.push({ memory, line })
    } else if (line.type === 'consent') batch.consents.push(line)
    else batch.records.push(line)
  }
  if (!isEmpty(batch)) yield { ...batch, lastLine }
}

/** What links subjects comes when all of them are there. */
async function* withLinksLast(lines: AsyncIterable<NumberedLine>): AsyncGenerator<NumberedLine> {
  const links: EdgeLine[] = []
  let last = 0
  for await (const each of lines) {
    last = each.number
    if (each.line.type === 'edge' && each.line.to_subject_id !== each.line.subject_id) links.push(each.line)
    else yield each
  }
  for (const line of links) yield { number: last, line }
}

function emptyBatch(subjectId: string) {
  return {
    subjectId,
    memories: [] as MemoryLine[],
    versions: [] as VersionOf[],
    consents: [] as ConsentLine[],
    records: [] as RecordLine[],
    expired: 0,
  }
}

type Batch = ReturnType<typeof emptyBatch>

function rest({ versions, consents, records }: Batch): number {
  return versions.length + consents.length + records.length
}

function isEmpty(batch: Batch): boolean {
  return batch.memories.length + rest(batch) + batch.expired === 0
}

function isExpired({ expires_at }: MemoryLine, now: Date): boolean {
  return expires_at !== null && Date.parse(expires_at) <= now.getTime()
}
