import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
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
import { checkVersion, findMemory } from './find-memory.ts'
import { type RemovedRow, removeMemory } from './memory-removal-repository.ts'
import { lockSubjects } from './subject-lock-repository.ts'
import type { MemoryRow } from './memory-row.ts'
import { withFreshKeys } from './stale-keys.ts'

type Delete = RouteTable['deleteMemory']

/** How often a deletion is tried anew when others change the same memory. */
const ATTEMPTS = 5

/** Deletes a memory with its history. Throws AppError `memory_not_found`, `version_mismatch`, `write_conflict`. */
export async function deleteMemory(deps: MemoryDeps, call: Call<Delete>): Promise<RouteOutput<Delete>> {
  const { params, headers, context } = call
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const row = await findMemory(deps, context, params.id)
    checkVersion(row, headers['if-match'])
    const gone = await withFreshKeys(deps, row, () =>
      deps.keys.forReading(row.tenant_id, row.subject_id, (keys) => remove(deps, context, keys, row)),
    )
    if (gone === undefined) continue
    for (const { size } of gone) deps.quotas.add(row.tenant_id, { memories: -1, bytes: -size })
    return { status: 204, body: null }
  }
  throw new AppError('write_conflict')
}

/** Nothing of the memory stays, in the search segments neither. */
async function remove(
  deps: MemoryDeps,
  context: RequestContext,
  keys: SubjectKeys | null,
  row: MemoryRow,
): Promise<readonly RemovedRow[] | undefined> {
  const keyVersion = keys?.index.current().id ?? null
  const place = { tenantId: row.tenant_id, subjectId: row.subject_id }
  const gone = await tenantTransaction(deps.sql, scopeOf(context.caller), async (tx) => {
    const [, rows, records] = await Promise.all([
      lockSubjects(tx, row.tenant_id, [{ subjectId: row.subject_id, keyVersion }]),
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
  })
  if (gone !== undefined) deps.relay.wake()
  return gone
}

function deletedEvent(deps: MemoryDeps, context: RequestContext, row: MemoryRow) {
  const details = { subject_id: row.subject_id, version: row.version }
  return deps.events({ type: 'memory.deleted', context, resourceId: row.id, statusCode: 204, details })
}
