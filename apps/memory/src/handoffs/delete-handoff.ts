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
import { removeHandoff } from './handoff-repository.ts'
import type { HandoffRow } from './handoff-row.ts'
import { requireIdentityWrite } from './identity-permission.ts'

type Delete = RouteTable['deleteHandoff']

/** How often a deletion is tried anew when others correct the same handoff. */
const ATTEMPTS = 5

/** Deletes a handoff with its versions and its memory. Throws AppError `handoff_not_found`, `identity_protected`, `write_conflict`. */
export async function deleteHandoff(deps: MemoryDeps, { params, context }: Call<Delete>): Promise<RouteOutput<Delete>> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const row = await findHandoff(deps, context, params.id)
    if (row.becoming_by !== null) requireIdentityWrite(context.caller)
    const removed = await withFreshKeys(deps, row, () =>
      deps.keys.forReading(row.tenant_id, row.subject_id, (keys) =>
        tenantTransaction(deps.sql, scopeOf(context.caller), (tx) => remove(tx, deps, context, keys, row)),
      ),
    )
    if (removed === null) continue
    deps.relay.wake()
    deps.quotas.add(row.tenant_id, removed)
    return { status: 204, body: null }
  }
  throw new AppError('write_conflict')
}

/** What it took of what is stored as memories; null when another version is the current one by now. */
async function remove(
  tx: Tx,
  deps: MemoryDeps,
  context: RequestContext,
  keys: SubjectKeys | null,
  row: HandoffRow,
): Promise<{ memories: number; bytes: number } | null> {
  const place = { tenantId: row.tenant_id, subjectId: row.subject_id }
  const lock = { subjectId: row.subject_id, keyVersion: keys?.index.current().id ?? null }
  const [, [memory]] = await Promise.all([
    lockSubjects(tx, row.tenant_id, [lock]),
    selectMemories(tx, row.tenant_id, [row.id]),
  ])
  const [gone] = await removeHandoff(tx, row)
  if (gone === undefined) return null
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
