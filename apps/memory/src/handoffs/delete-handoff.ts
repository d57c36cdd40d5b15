import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { scopeOf } from '../caller-scope.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { selectMemories } from '../memories/memory-read-repository.ts'
import { removeMemory } from '../memories/memory-removal-repository.ts'
import { lockSubjects } from '../memories/subject-lock-repository.ts'
import { withFreshKeys } from '../memories/stale-keys.ts'
import { withdrawSummaries } from '../policies/memory-summaries.ts'
import { removeFromSegments } from '../search/remove-from-segments.ts'
import { findHandoff } from './find-handoff.ts'
import { handoffEvent } from './handoff-event.ts'
import { removeHandoff, selectHandoff } from './handoff-repository.ts'
import type { HandoffRow } from './handoff-row.ts'
import { requireIdentityWrite } from './identity-permission.ts'

type Delete = RouteTable['deleteHandoff']

/** Deletes a handoff with its versions and its memory. Throws AppError `handoff_not_found`, `identity_protected`. */
export async function deleteHandoff(deps: MemoryDeps, { params, context }: Call<Delete>): Promise<RouteOutput<Delete>> {
  const row = await findHandoff(deps, context, params.id)
  const removed = await withFreshKeys(deps, row, () =>
    deps.keys.forReading(row.tenant_id, row.subject_id, (keys) =>
      tenantTransaction(deps.sql, scopeOf(context.caller), (tx) => remove(tx, deps, context, keys, row)),
    ),
  )
  deps.relay.wake()
  deps.quotas.add(row.tenant_id, removed)
  return { status: 204, body: null }
}

/** What it took of what is stored as memories. The version that goes is the current one while the subject is locked. */
async function remove(
  tx: Tx,
  deps: MemoryDeps,
  context: RequestContext,
  keys: SubjectKeys | null,
  { tenant_id: tenantId, subject_id: subjectId, id }: HandoffRow,
): Promise<{ memories: number; bytes: number }> {
  const place = { tenantId, subjectId }
  const [, [row], [memory]] = await Promise.all([
    lockSubjects(tx, tenantId, [{ subjectId, keyVersion: keys?.index.current().id ?? null }]),
    selectHandoff(tx, tenantId, id),
    selectMemories(tx, tenantId, [id]),
  ])
  if (row === undefined) throw new AppError('handoff_not_found')
  if (row.becoming_by !== null) requireIdentityWrite(context.caller)
  await removeHandoff(tx, row)
  const [removed] = memory === undefined ? [] : await removeMemory(tx, memory)
  const events = [handoffEvent(deps, context, row, 'deleted', row.becoming_by !== null)]
  if (removed !== undefined) {
    const details = { subject_id: row.subject_id, version: removed.version }
    events.push(deps.events({ type: 'memory.deleted', context, resourceId: row.id, statusCode: 204, details }))
  }
  const made = removed === undefined ? [] : await withdrawSummaries(tx, deps, context, place, [removed])
  const all = removed === undefined ? made : [removed, ...made]
  if (all.length > 0) await removeFromSegments(tx, keys, place, all)
  await outboxInsert(tx, events)
  return { memories: -all.length, bytes: -all.reduce((sum, { size }) => sum + size, 0) }
}
