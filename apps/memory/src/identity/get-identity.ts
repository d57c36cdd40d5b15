import type { Caller } from '@memoric/contracts/caller.ts'
import type { Becoming, IdentityQuery } from '@memoric/contracts/identity-contract.ts'
import { DEFAULT_SUBJECT } from '@memoric/contracts/memory-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { subjectFor } from '@memoric/service/caller-limits.ts'
import { decodeCursor, encodeCursor } from '@memoric/service/cursor.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import { scopeOf } from '../caller-scope.ts'
import { type HandoffRow, openHandoff } from '../handoffs/handoff-row.ts'
import type { TimePlace } from '../handoffs/handoff-repository.ts'
import { timePlace } from '../handoffs/time-place.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { requireProcessing } from '../privacy/consent-rules.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { selectBecoming } from './identity-repository.ts'
import { wordChanges } from './word-changes.ts'

type Get = RouteTable['getIdentity']

interface Page {
  readonly items: readonly Becoming[]
  readonly next: TimePlace | null
}

/** A page of who a subject has become. Throws AppError `subject_not_allowed`, `consent_withdrawn`, `invalid_cursor`. */
export async function getIdentity(deps: MemoryDeps, { query, context }: Call<Get>): Promise<RouteOutput<Get>> {
  const { caller } = context
  const place = { tenantId: caller.tenantId, subjectId: subjectFor(caller, query.subject_id, DEFAULT_SUBJECT) }
  const from = query.cursor === undefined ? null : decodeCursor(query.cursor, timePlace)
  const { items, next } = await deps.keys.forReading(place.tenantId, place.subjectId, (keys): Page | Promise<Page> => {
    requireProcessing(keys)
    return keys === null ? { items: [], next: null } : readPage(deps, caller, place, keys, query, from)
  })
  const details = { subject_id: place.subjectId, count: items.length }
  deps.reads.record({ type: 'identity.read', context, resourceId: place.subjectId, details })
  return { status: 200, body: { items: [...items], next_cursor: next === null ? null : encodeCursor(next) } }
}

/** Each statement is compared with the one before it in time, which may be on another page. */
async function readPage(
  deps: MemoryDeps,
  caller: Caller,
  place: SubjectPlace,
  keys: SubjectKeys,
  { order, limit }: IdentityQuery,
  from: TimePlace | null,
): Promise<Page> {
  const read = async (which: IdentityQuery['order'], start: TimePlace | null, count: number) => {
    const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [
      selectBecoming(tx, place, which, start, count),
    ])
    return rows
  }
  const rows = await read(order, from, limit + 1)
  const page = rows.slice(0, limit)
  const oldest = order === 'oldest' ? page[0] : page.at(-1)
  const isFirst = oldest === undefined || (order === 'oldest' && from === null)
  const [before] = isFirst ? [] : await read('newest', placeOf(oldest), 1)
  const shown = order === 'oldest' ? page : page.toReversed()
  const items = inOrder(keys, before, shown)
  const last = rows.length > limit ? page.at(-1) : undefined
  return { items: order === 'oldest' ? items : items.toReversed(), next: last === undefined ? null : placeOf(last) }
}

function placeOf({ occurred_at, id }: HandoffRow): TimePlace {
  return { at: occurred_at.toISOString(), id }
}

/** Statements in the order of time. */
function inOrder(keys: SubjectKeys, before: HandoffRow | undefined, rows: readonly HandoffRow[]): Becoming[] {
  const all = before === undefined ? rows : [before, ...rows]
  let said: string | null = null
  const items: Becoming[] = []
  for (const row of all) {
    const { becoming, with_whom } = openHandoff(keys, row)
    if (becoming === null) continue
    if (row !== before) items.push(becomingView(row, becoming, with_whom, said))
    said = becoming
  }
  return items
}

function becomingView(row: HandoffRow, becoming: string, withWhom: string, before: string | null): Becoming {
  return {
    handoff_id: row.id,
    version: row.version,
    becoming,
    with_whom: withWhom,
    occurred_at: row.occurred_at.toISOString(),
    written_at: (row.becoming_at ?? row.updated_at).toISOString(),
    written_by: row.becoming_by ?? row.written_by,
    changes: before === null ? null : wordChanges(before, becoming),
  }
}
