import { DEFAULT_SUBJECT } from '@memoric/contracts/memory-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { subjectFor } from '@memoric/service/caller-limits.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { findPerson, type NamedPerson } from '../persons/named-person.ts'
import { requireProcessing } from '../privacy/consent-rules.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { viewOf } from './find-handoff.ts'
import { selectHandoffs } from './handoff-repository.ts'
import type { HandoffRow } from './handoff-row.ts'

type Get = RouteTable['getLastHandoff']

/** Throws AppError `handoff_not_found`, `subject_not_allowed`, `consent_withdrawn`. */
export async function getLastHandoff(deps: MemoryDeps, { query, context }: Call<Get>): Promise<RouteOutput<Get>> {
  const { caller } = context
  const place = { tenantId: caller.tenantId, subjectId: subjectFor(caller, query.subject_id, DEFAULT_SUBJECT) }
  const body = await deps.keys.forReading(place.tenantId, place.subjectId, async (keys) => {
    requireProcessing(keys)
    const person = await findPerson(deps, caller, place, keys, query.with_whom)
    const row = await findLastHandoff(deps, caller, place, person)
    return keys === null || row === undefined ? null : viewOf(keys, row)
  })
  if (body === null) throw new AppError('handoff_not_found')
  const details = { subject_id: place.subjectId, version: body.version }
  deps.reads.record({ type: 'handoff.read', context, resourceId: body.id, details })
  return { status: 200, body }
}

/** The latest handoff that is not withheld. */
export async function findLastHandoff(
  deps: MemoryDeps,
  caller: Call<Get>['context']['caller'],
  place: SubjectPlace,
  person: NamedPerson | null,
): Promise<HandoffRow | undefined> {
  const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [selectHandoffs(tx, place, person, {}, null, 1)])
  return rows[0]
}
