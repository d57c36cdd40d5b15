import type { Memory } from '@memoric/contracts/memory-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { scopeOf } from '../caller-scope.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { findMemory } from '../memories/find-memory.ts'
import { draftMemory } from '../memories/memory-draft.ts'
import { selectMemories } from '../memories/memory-read-repository.ts'
import { writeEntries } from '../memories/memory-repository.ts'
import { lockSubjects } from '../memories/subject-lock-repository.ts'
import { type MemoryRow, memoryView, openRow } from '../memories/memory-row.ts'
import { withFreshKeys } from '../memories/stale-keys.ts'
import { eventsOf } from '../memories/write-fates.ts'
import { markSummarised } from '../policies/memory-summaries.ts'
import { consentFor } from '../privacy/consent-rules.ts'
import { requireConsent } from '../privacy/require-consent.ts'
import { derivedProvenance } from '../provenance/provenance.ts'
import type { Amount } from '../quotas/quota-rules.ts'
import { requireRoom, withQuotas } from '../quotas/single-write-quotas.ts'
import type { TenantUsage } from '../quotas/tenant-usage.ts'
import { mergedMemory, requireMergeable } from './merge-rules.ts'
import { selectBound } from './merge-repository.ts'

type Merge = RouteTable['mergeMemories']

const MOST_SEEN = 2_147_483_647

interface Merged {
  readonly memory: Memory
  readonly added: Amount
}

/**
 * Makes a memory that stands for others. Throws AppError `memory_not_found`, `rule_violated`, `memory_of_record`, `write_conflict`,
 * `quota_exceeded`, and as requireConsent.
 */
export async function mergeMemories(
  deps: MemoryDeps,
  { params, body, context }: Call<Merge>,
): Promise<RouteOutput<Merge>> {
  const { caller } = context
  const first = await findMemory(deps, context, params.id)
  const ids = [first.id, ...body.sources]
  if (body.sources.includes(first.id)) throw notItself(body.sources.indexOf(first.id))
  await requireConsent(deps, caller, first.subject_id)
  const { memory, added } = await withQuotas(deps, caller.tenantId, (usage) =>
    withFreshKeys(deps, first, () =>
      deps.keys.forWriting(caller.tenantId, first.subject_id, (keys) =>
        tenantTransaction(deps.sql, scopeOf(caller), (tx) => merge(tx, deps, context, keys, ids, usage)),
      ),
    ),
  )
  deps.quotas.add(caller.tenantId, added)
  // Searches of a tenant without a policy rank what was merged lower from now on.
  deps.policies.changed(caller.tenantId)
  deps.relay.wake()
  return { status: 201, body: memory, headers: { location: `/v1/memories/${memory.id}` } }
}

/** The lock of the subject keeps anybody else from merging or changing one of them meanwhile. */
async function merge(
  tx: Tx,
  deps: MemoryDeps,
  context: RequestContext,
  keys: SubjectKeys,
  ids: readonly string[],
  usage: TenantUsage,
): Promise<Merged> {
  const { caller } = context
  const rows = await lockAndRead(tx, context, keys, ids)
  const opened = rows.map((row) => ({ row, attributes: openRow(keys, row) }))
  requireMergeable(opened)
  const draft = draftMemory(caller, mergedMemory(opened), keys, deps.now(), undefined, derivedProvenance(caller, rows))
  const added = { memories: 1, bytes: draft.sealed.length }
  requireRoom(usage, added)
  const times = Math.min(
    MOST_SEEN,
    rows.reduce((sum, row) => sum + row.seen_count, 0),
  )
  const details = { subject_id: draft.subjectId, namespace: draft.namespace, memory_ids: [...ids] }
  const made = deps.events({ type: 'memory.merged', context, resourceId: draft.id, statusCode: 201, details })
  const asks = [{ draft, entryId: draft.id, isFirst: true }]
  const told = eventsOf([{ draft, made, reinforced: made }], asks)
  const [written] = await writeEntries(tx, caller.tenantId, [{ draft, times }], told, usage.limits.subject)
  const place = { tenantId: caller.tenantId, subjectId: draft.subjectId }
  const marked = await markSummarised(tx, place, draft.id, rows)
  if (written === undefined || marked.length < rows.length) throw new AppError('write_conflict')
  return { memory: memoryView(written, draft.attributes), added }
}

/** In the order of the ids. */
async function lockAndRead(
  tx: Tx,
  { caller }: RequestContext,
  keys: SubjectKeys,
  ids: readonly string[],
): Promise<MemoryRow[]> {
  const known = await selectMemories(tx, caller.tenantId, ids.slice(0, 1))
  const subjectId = known[0]?.subject_id
  if (subjectId === undefined) throw new AppError('memory_not_found')
  const lock = { subjectId, keyVersion: keys.content.current().id, consent: consentFor(caller) }
  const [, found, bound] = await Promise.all([
    lockSubjects(tx, caller.tenantId, [lock]),
    selectMemories(tx, caller.tenantId, ids),
    selectBound(tx, caller.tenantId, ids),
  ])
  const rows = ids.flatMap((id) => found.find((row) => row.id === id) ?? [])
  if (rows.length < ids.length) throw new AppError('memory_not_found')
  const foreign = rows.findIndex((row) => row.subject_id !== subjectId)
  if (foreign >= 0) throw wrongSource(foreign - 1, 'must be of the same subject')
  if (bound.length > 0) throw new AppError('memory_of_record')
  return rows
}

function notItself(at: number): AppError {
  return wrongSource(at, 'must be another memory')
}

function wrongSource(at: number, message: string): AppError {
  return new AppError('rule_violated', { errors: [{ pointer: `/sources/${at}`, message }] })
}
