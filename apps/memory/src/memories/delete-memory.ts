import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { scopeOf } from '../caller-scope.ts'
import { requireNoRecord, selectRecordOf } from './record-guard.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { releaseSources, withdrawSummaries } from '../policies/memory-summaries.ts'
import { removeFromSegments } from '../search/remove-from-segments.ts'
import { checkVersion, findMemory, lockMemory } from './find-memory.ts'
import { type RemovedRow, removeMemory } from './memory-removal-repository.ts'
import { lockSubjects, type SubjectLock } from './subject-lock-repository.ts'
import type { MemoryRow } from './memory-row.ts'
import { withFreshKeys } from './stale-keys.ts'

type Delete = RouteTable['deleteMemory']

/** Deletes a memory with its history. Throws AppError `memory_not_found`, `version_mismatch`, `write_conflict`. */
export async function deleteMemory(deps: MemoryDeps, call: Call<Delete>): Promise<RouteOutput<Delete>> {
  const { params, headers, context } = call
  const row = await findMemory(deps, context, params.id)
  checkVersion(row, headers['if-match'])
  const gone =
    (await remove(deps, context, row, () => row)) ??
    (await deps.turns.take(row.id, () => removeCurrent(deps, context, row, headers['if-match'])))
  if (gone === undefined) throw new AppError('write_conflict')
  deps.relay.wake()
  for (const { size } of gone) deps.quotas.add(row.tenant_id, { memories: -1, bytes: -size })
  return { status: 204, body: null }
}

/** Removes the version that is the current one while the subject is locked: nobody comes in between. */
function removeCurrent(deps: MemoryDeps, context: RequestContext, found: MemoryRow, expected: number | undefined) {
  return remove(deps, context, found, async (tx, lock) => {
    const row = await lockMemory(tx, found, lock)
    checkVersion(row, expected)
    return row
  })
}

/** Nothing of the memory stays, in the search segments neither. */
function remove(
  deps: MemoryDeps,
  context: RequestContext,
  found: MemoryRow,
  rowIn: (tx: Tx, lock: SubjectLock) => MemoryRow | Promise<MemoryRow>,
): Promise<readonly RemovedRow[] | undefined> {
  return withFreshKeys(deps, found, () =>
    deps.keys.forReading(found.tenant_id, found.subject_id, (keys) =>
      tenantTransaction(deps.sql, scopeOf(context.caller), async (tx) => {
        const lock = { subjectId: found.subject_id, keyVersion: keys?.index.current().id ?? null }
        return removeIn(tx, deps, context, keys, await rowIn(tx, lock), lock)
      }),
    ),
  )
}

async function removeIn(
  tx: Tx,
  deps: MemoryDeps,
  context: RequestContext,
  keys: SubjectKeys | null,
  row: MemoryRow,
  lock: SubjectLock,
): Promise<readonly RemovedRow[] | undefined> {
  const place = { tenantId: row.tenant_id, subjectId: row.subject_id }
  const [, rows, records] = await Promise.all([
    lockSubjects(tx, row.tenant_id, [lock]),
    removeMemory(tx, row),
    selectRecordOf(tx, row),
  ])
  requireNoRecord(records)
  const [removed] = rows
  if (removed === undefined) return undefined
  const summaries = await withdrawSummaries(tx, deps, context, place, [removed])
  await Promise.all([
    outboxInsert(tx, [deletedEvent(deps, context, row)]),
    releaseSources(tx, place, [row.id]),
    removeFromSegments(tx, keys, place, [row, ...summaries]),
  ])
  return [removed, ...summaries]
}

function deletedEvent(deps: MemoryDeps, context: RequestContext, row: MemoryRow) {
  const details = { subject_id: row.subject_id, version: row.version }
  return deps.events({ type: 'memory.deleted', context, resourceId: row.id, statusCode: 204, details })
}
