import { isDeepStrictEqual } from 'node:util'
import { type CreateEdge, EDGE_LIMITS, EDGE_TYPES } from '@memoric/contracts/edge-contract.ts'
import type { EdgeId } from '@memoric/contracts/ids.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantFlight, tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import { scopeOf } from '../caller-scope.ts'
import { type SubjectKeys, wholeTenant } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { selectMemories } from '../memories/memory-read-repository.ts'
import { lockSubjects } from '../memories/subject-lock-repository.ts'
import type { MemoryRow } from '../memories/memory-row.ts'
import { withFreshKeys } from '../memories/stale-keys.ts'
import { consentFor } from '../privacy/consent-rules.ts'
import { consentFaults } from '../privacy/require-consent.ts'
import { sealProperties } from './edge-box.ts'
import { edgeEvent } from './edge-event.ts'
import { countEdgesFrom, insertEdge, lockEdges, selectSameEdge, selectWay } from './edge-repository.ts'
import { type EdgeRow, edgeView, placeOf } from './edge-row.ts'

type Create = RouteTable['createEdge']

/** The two memories of an edge. */
interface Ends {
  readonly from: MemoryRow
  readonly to: MemoryRow
}

/**
 * Links two memories that the caller may see. Throws AppError `memory_not_found`, `edge_cycle`, `edge_exists`, `too_many_edges`, and as
 * requireConsent.
 */
export async function createEdge(deps: MemoryDeps, { body, context }: Call<Create>): Promise<RouteOutput<Create>> {
  const ends = await findEnds(deps, context, body)
  const subjects = [ends.from.subject_id, ends.to.subject_id]
  const [fault] = (await consentFaults(deps, context.caller, subjects)).values()
  if (fault !== undefined) throw new AppError(fault)
  const { tenantId } = context.caller
  const { row, isNew } = await withFreshKeys(deps, ends.from, () =>
    deps.keys.forWriting(tenantId, ends.from.subject_id, (keys) =>
      // Circles go through memories that the caller may not see, too.
      tenantTransaction(deps.sql, wholeTenant(tenantId), (tx) => link(tx, deps, context, keys, ends, body)),
    ),
  )
  if (isNew) deps.relay.wake()
  const view = await deps.keys.forWriting(tenantId, row.subject_id, (keys) => edgeView(keys, row))
  return { status: isNew ? 201 : 200, body: view }
}

async function findEnds(deps: MemoryDeps, { caller }: RequestContext, { from, to }: CreateEdge): Promise<Ends> {
  const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [
    selectMemories(tx, caller.tenantId, [from, to]),
  ])
  const [first, second] = [from, to].map((id) => rows.find((row) => row.id === id))
  if (first === undefined || second === undefined) throw new AppError('memory_not_found')
  return { from: first, to: second }
}

/** The lock of the subjects keeps both memories, that of the type keeps anybody from closing the same circle elsewhere. */
async function link(
  tx: Tx,
  deps: MemoryDeps,
  context: RequestContext,
  keys: SubjectKeys,
  ends: Ends,
  body: CreateEdge,
): Promise<{ row: EdgeRow; isNew: boolean }> {
  const row = rowOf(deps, context, keys, ends, body)
  const consent = consentFor(context.caller)
  const others = ends.to.subject_id === row.subject_id ? [] : [ends.to.subject_id]
  await lockSubjects(tx, row.tenant_id, [
    { subjectId: row.subject_id, keyVersion: keys.content.current().id, consent },
    ...others.map((subjectId) => ({ subjectId, keyVersion: null, consent })),
  ])
  const [known, alive, [out]] = await Promise.all([
    selectSameEdge(tx, row),
    selectMemories(tx, row.tenant_id, [row.from_id, row.to_id]),
    countEdgesFrom(tx, row.tenant_id, row.from_id),
  ])
  if (known[0] !== undefined) return { row: sameEdge(keys, known[0], body), isNew: false }
  if (alive.length < 2) throw new AppError('memory_not_found')
  if ((out?.count ?? 0) >= EDGE_LIMITS.ofMemory) throw new AppError('too_many_edges')
  if (!EDGE_TYPES[row.type].cycles) await requireNoCircle(tx, row)
  await Promise.all([insertEdge(tx, row), outboxInsert(tx, [edgeEvent(deps, context, row, 'created')])])
  return { row, isNew: true }
}

/** What was linked so already; properties that were left out are those that it has. */
function sameEdge(keys: SubjectKeys, known: EdgeRow, { properties }: CreateEdge): EdgeRow {
  const isSame = properties === undefined || isDeepStrictEqual(properties, edgeView(keys, known).properties)
  if (!isSame) throw new AppError('edge_exists', { detail: `it has the id ${known.id}` })
  return known
}

async function requireNoCircle(tx: Tx, { tenant_id, type, from_id, to_id }: EdgeRow): Promise<void> {
  await lockEdges(tx, tenant_id, type)
  const way = await selectWay(tx, tenant_id, type, to_id, from_id)
  if (way.length > 0) throw new AppError('edge_cycle')
}

function rowOf(
  deps: MemoryDeps,
  { caller }: RequestContext,
  keys: SubjectKeys,
  { from, to }: Ends,
  { type, properties }: CreateEdge,
): EdgeRow {
  const place = { tenant_id: from.tenant_id, subject_id: from.subject_id, id: uuidV7() as EdgeId }
  const isEmpty = properties === undefined || Object.keys(properties).length === 0
  return {
    ...place,
    type,
    from_id: from.id,
    to_id: to.id,
    namespace: from.namespace,
    to_subject_id: to.subject_id,
    to_namespace: to.namespace,
    created_at: deps.now(),
    created_by: `${caller.principal.type}:${caller.principal.id}`,
    sealed: isEmpty ? null : sealProperties(keys, placeOf(place), properties),
  }
}
