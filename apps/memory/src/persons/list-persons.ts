import { uuid } from '@memoric/contracts/ids.ts'
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
import { requireProcessing } from '../privacy/consent-rules.ts'
import { nameFingerprint } from './name-fingerprint.ts'
import { openNames } from './person-box.ts'
import { selectPersons } from './person-repository.ts'
import { personView, requireAllNamespaces } from './person-rules.ts'

type List = RouteTable['listPersons']

/** Throws AppError `subject_not_allowed`, `namespace_not_allowed`, `consent_withdrawn`, `invalid_cursor`. */
export async function listPersons(deps: MemoryDeps, { query, context }: Call<List>): Promise<RouteOutput<List>> {
  const { caller } = context
  requireAllNamespaces(caller)
  const subjectId = subjectFor(caller, query.subject_id, DEFAULT_SUBJECT)
  const after = query.cursor === undefined ? null : decodeCursor(query.cursor, uuid)
  const rows = await deps.keys.forReading(caller.tenantId, subjectId, (keys) => {
    requireProcessing(keys)
    return keys === null ? [] : read(keys)
  })
  const items = rows.slice(0, query.limit)
  const last = rows.length > query.limit ? items.at(-1) : undefined
  const details = { subject_id: subjectId, count: items.length }
  deps.reads.record({ type: 'person.read', context, resourceId: subjectId, details })
  return { status: 200, body: { items, next_cursor: last === undefined ? null : encodeCursor(last.id) } }

  async function read(keys: SubjectKeys) {
    const place = { tenantId: caller.tenantId, subjectId }
    const name = query.name === undefined ? null : nameFingerprint(keys, query.name)
    const [found] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [
      selectPersons(tx, place, name, after, query.limit + 1),
    ])
    return found.map((row) => personView(place, row, openNames(keys, { ...place, ...row }, row.sealed)))
  }
}
