import type { Caller } from '@memoric/contracts/caller.ts'
import { uuid } from '@memoric/contracts/ids.ts'
import { DEFAULT_SUBJECT } from '@memoric/contracts/memory-contract.ts'
import type { ListNotesQuery } from '@memoric/contracts/note-contract.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { requireNamespace, subjectFor } from '@memoric/service/caller-limits.ts'
import { decodeCursor, encodeCursor } from '@memoric/service/cursor.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { scopeOf } from '../caller-scope.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { requireProcessing } from '../privacy/consent-rules.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { standingOf } from '../standing/standings.ts'
import { viewOf } from './find-note.ts'
import type { KindOfNote } from './note-kind.ts'
import { selectNotes } from './note-repository.ts'

interface Page<V> {
  items: V[]
  next_cursor: string | null
}

/**
 * A page of notes of one subject, newest first, without what is withheld. Throws AppError `subject_not_allowed`,
 * `namespace_not_allowed`, `consent_withdrawn`, `invalid_cursor`.
 */
export async function listNotes<V>(
  deps: MemoryDeps,
  context: RequestContext,
  kind: KindOfNote<V>,
  query: ListNotesQuery,
): Promise<{ status: 200; body: Page<V> }> {
  const { caller } = context
  const place = { tenantId: caller.tenantId, subjectId: subjectFor(caller, query.subject_id, DEFAULT_SUBJECT) }
  if (query.namespace !== undefined) requireNamespace(caller, query.namespace)
  const before = query.cursor === undefined ? null : decodeCursor(query.cursor, uuid)
  const body = await deps.keys.forReading(place.tenantId, place.subjectId, (keys): Page<V> | Promise<Page<V>> => {
    requireProcessing(keys)
    return keys === null ? { items: [], next_cursor: null } : read(deps, caller, place, keys, kind, query, before)
  })
  const details = { subject_id: place.subjectId, count: body.items.length }
  deps.reads.record({ type: kind.events.read, context, resourceId: null, details })
  return { status: 200, body }
}

async function read<V>(
  deps: MemoryDeps,
  caller: Caller,
  place: SubjectPlace,
  keys: SubjectKeys,
  kind: KindOfNote<V>,
  query: ListNotesQuery,
  before: string | null,
): Promise<Page<V>> {
  const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [
    selectNotes(tx, place, kind.kind, query, before, query.limit + 1),
  ])
  const page = rows.slice(0, query.limit)
  const ids = page.map(({ id }) => id)
  const standing = await standingOf(deps, caller, place, ids)
  const items = page.filter(({ id }) => standing(id) > 0).map((row) => viewOf(keys, kind, row))
  // Of the rows: the last of them may be withheld.
  const last = rows.length > query.limit ? page.at(-1) : undefined
  return { items, next_cursor: last === undefined ? null : encodeCursor(last.id) }
}
