import type { Caller } from '@memoric/contracts/caller.ts'
import type { Handoff, ListHandoffsQuery } from '@memoric/contracts/handoff-contract.ts'
import { DEFAULT_SUBJECT } from '@memoric/contracts/memory-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { subjectFor } from '@memoric/service/caller-limits.ts'
import { decodeCursor, encodeCursor } from '@memoric/service/cursor.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import { scopeOf } from '../caller-scope.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { findPerson } from '../persons/named-person.ts'
import { requireProcessing } from '../privacy/consent-rules.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { viewOf } from './find-handoff.ts'
import { selectHandoffs, type TimePlace } from './handoff-repository.ts'
import { timePlace } from './time-place.ts'

type List = RouteTable['listHandoffs']

/** A page of handoffs of one subject, the latest first. Throws AppError `subject_not_allowed`, `consent_withdrawn`, `invalid_cursor`. */
export async function listHandoffs(deps: MemoryDeps, { query, context }: Call<List>): Promise<RouteOutput<List>> {
  const { caller } = context
  const subjectId = subjectFor(caller, query.subject_id, DEFAULT_SUBJECT)
  const before = query.cursor === undefined ? null : decodeCursor(query.cursor, timePlace)
  const found = await deps.keys.forReading(caller.tenantId, subjectId, (keys) => {
    requireProcessing(keys)
    return keys === null ? [] : read(deps, caller, { tenantId: caller.tenantId, subjectId }, keys, query, before)
  })
  const items = found.slice(0, query.limit)
  const last = found.length > query.limit ? items.at(-1) : undefined
  const details = { subject_id: subjectId, count: items.length }
  deps.reads.record({ type: 'handoff.read', context, resourceId: null, details })
  const next = last === undefined ? null : encodeCursor({ at: last.occurred_at, id: last.id })
  return { status: 200, body: { items, next_cursor: next } }
}

/** One more than a page. */
async function read(
  deps: MemoryDeps,
  caller: Caller,
  place: SubjectPlace,
  keys: SubjectKeys,
  { with_whom, limit, from, to }: ListHandoffsQuery,
  before: TimePlace | null,
): Promise<Handoff[]> {
  const person = await findPerson(deps, caller, place, keys, with_whom)
  const filters = { ...(from !== undefined && { from }), ...(to !== undefined && { to }) }
  const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [
    selectHandoffs(tx, place, person, filters, before, limit + 1),
  ])
  return rows.map((row) => viewOf(keys, row))
}
