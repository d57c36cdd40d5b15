import type { Caller } from '@memoric/contracts/caller.ts'
import type { Memory } from '@memoric/contracts/memory-contract.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { FastifyInstance } from 'fastify'
import { idAt } from '../src/search/memory-ids.ts'
import { unsealSegment } from '../src/search/seal-segment.ts'
import type { Segment } from '../src/search/segment-format.ts'
import { scopeOfIndex, type SegmentRow, selectSegments, type SubjectPlace } from '../src/search/segment-repository.ts'
import { call, type TestProcess } from './use-memory.ts'

/** Stores so many memories of the subject `ada`, each with a word of its own, and gives them. */
export async function rememberMany(
  app: FastifyInstance,
  caller: Caller,
  count: number,
  more: object = {},
): Promise<Memory[]> {
  const memories: Memory[] = []
  for (let at = 0; at < count; at += 500) {
    const items = Array.from({ length: Math.min(500, count - at) }, (_, n) => {
      return { content: `note w${at + n} about tea`, subject_id: 'ada', on_duplicate: 'create', ...more }
    })
    const answer = await call<{ items: { memory: Memory }[] }>(app, caller, 'POST', '/v1/memories/batch', { items })
    memories.push(...answer.body.items.map(({ memory }) => memory))
  }
  return memories
}

export function placeOf({ tenantId }: Caller): SubjectPlace {
  return { tenantId, subjectId: 'ada' }
}

/** The rows of the stored segments of a subject. */
export async function storedRows({ deps }: TestProcess, place: SubjectPlace): Promise<readonly SegmentRow[]> {
  const [rows] = await tenantFlight(deps.sql, scopeOfIndex(place), (tx) => [selectSegments(tx, place, [])])
  return rows
}

/** The stored segments of a subject, opened. */
export async function storedSegments(process: TestProcess, place: SubjectPlace): Promise<Segment[]> {
  const rows = await storedRows(process, place)
  return process.deps.keys.forReading(place.tenantId, place.subjectId, (keys) => {
    return rows.map((row) => {
      const segment = keys === null ? 'key' : unsealSegment(keys.index, place, row)
      if (typeof segment === 'string') throw new Error(`a stored segment is of no use: ${segment}`)
      return segment
    })
  })
}

export function idsIn({ ids, documents }: Segment): string[] {
  return Array.from({ length: documents }, (_, at) => idAt(ids, at))
}
