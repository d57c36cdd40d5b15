import type { Caller } from '@memoric/contracts/caller.ts'
import { uuid } from '@memoric/contracts/ids.ts'
import { DEFAULT_SUBJECT } from '@memoric/contracts/memory-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { ListTasksQuery } from '@memoric/contracts/task-contract.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { requireNamespace, subjectFor } from '@memoric/service/caller-limits.ts'
import { decodeCursor, encodeCursor } from '@memoric/service/cursor.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import { scopeOf } from '../caller-scope.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { openRow } from '../memories/memory-row.ts'
import { requireProcessing } from '../privacy/consent-rules.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { standingOf } from '../standing/standings.ts'
import { selectTasks } from './task-repository.ts'
import { taskView } from './task-row.ts'

type List = RouteTable['listTasks']
type Page = RouteOutput<List>['body']

/**
 * A page of tasks of one subject, newest first, without what is withheld. Throws AppError `subject_not_allowed`,
 * `namespace_not_allowed`, `consent_withdrawn`, `invalid_cursor`.
 */
export async function listTasks(deps: MemoryDeps, { query, context }: Call<List>): Promise<RouteOutput<List>> {
  const { caller } = context
  const place = { tenantId: caller.tenantId, subjectId: subjectFor(caller, query.subject_id, DEFAULT_SUBJECT) }
  if (query.namespace !== undefined) requireNamespace(caller, query.namespace)
  const before = query.cursor === undefined ? null : decodeCursor(query.cursor, uuid)
  const body = await deps.keys.forReading(place.tenantId, place.subjectId, (keys): Page | Promise<Page> => {
    requireProcessing(keys)
    return keys === null ? { items: [], next_cursor: null } : read(deps, caller, place, keys, query, before)
  })
  const details = { subject_id: place.subjectId, count: body.items.length }
  deps.reads.record({ type: 'task.read', context, resourceId: null, details })
  return { status: 200, body }
}

async function read(
  deps: MemoryDeps,
  caller: Caller,
  place: SubjectPlace,
  keys: SubjectKeys,
  query: ListTasksQuery,
  before: string | null,
): Promise<Page> {
  const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [
    selectTasks(tx, place, query, before, query.limit + 1),
  ])
  const page = rows.slice(0, query.limit)
  const ids = page.map(({ id }) => id)
  const standing = await standingOf(deps, caller, place, ids)
  const items = page.filter(({ id }) => standing(id) > 0).map((row) => taskView(row, openRow(keys, row)))
  // Of the rows: the last of them may be withheld.
  const last = rows.length > query.limit ? page.at(-1) : undefined
  return { items, next_cursor: last === undefined ? null : encodeCursor(last.id) }
}
