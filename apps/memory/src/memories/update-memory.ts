import type { UpdateMemory } from '@memoric/contracts/memory-contract.ts'
import type { QuotaName } from '@memoric/contracts/quota-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { errorCode } from '@memoric/postgres/database-error.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { scopeOf } from '../caller-scope.ts'
import { settleChange } from '../enrichment/enrichment-state.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { withdrawSummaries } from '../policies/memory-summaries.ts'
import { requireTierToWrite } from '../policies/require-tier.ts'
import { consentFor } from '../privacy/consent-rules.ts'
import { changedProvenance } from '../provenance/provenance.ts'
import { OVER_QUOTA } from '../quotas/quota-repository.ts'
import { type Amount, quotaExceeded } from '../quotas/quota-rules.ts'
import type { TenantUsage } from '../quotas/tenant-usage.ts'
import { mayBeMadeFor, requireNoRecord, selectMadeFor } from './record-guard.ts'
import { checkVersion, findMemory, withKeysOf } from './find-memory.ts'
import { removeFromSegments } from '../search/remove-from-segments.ts'
import { withFreshKeys } from './stale-keys.ts'
import { fingerprintOf } from './memory-draft.ts'
import { replaceMemory, type Replacement } from './memory-repository.ts'
import { lockSubjects } from './subject-lock-repository.ts'
import { memoryView, openRow, type MemoryRow } from './memory-row.ts'
import { sealAttributes, type PrivateAttributes } from './private-attributes.ts'

type Update = RouteTable['updateMemory']

/** How often a change is tried anew when others change the same memory. */
const ATTEMPTS = 5

/** Writes the next version. Throws AppError `memory_not_found`, `version_mismatch`, `write_conflict`, `rule_violated`, `trust_not_allowed`, `quota_exceeded`. */
export async function updateMemory(deps: MemoryDeps, call: Call<Update>): Promise<RouteOutput<Update>> {
  const { params, headers, body, context } = call
  await requireTierToWrite(deps, context.caller.tenantId, body.tier)
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const row = await findMemory(deps, context, params.id)
    checkVersion(row, headers['if-match'])
    const memory = await withFreshKeys(deps, row, () =>
      withKeysOf(deps, row, (keys) => replace(deps, context, keys, row, body)),
    )
    if (memory !== null) return { status: 200, body: memory, headers: { etag: `"${memory.version}"` } }
  }
  throw new AppError('write_conflict')
}

async function replace(
  deps: MemoryDeps,
  context: RequestContext,
  keys: SubjectKeys,
  row: MemoryRow,
  change: UpdateMemory,
) {
  const before = openRow(keys, row)
  const changed = { attributes: changedAttributes(before, change), importance: change.importance ?? row.importance }
  const { attributes, importance } = settleChange({ attributes: before, importance: row.importance }, changed, change)
  const provenance = changedProvenance(context.caller, row, change)
  const next = { ...replacement(deps, keys, row, attributes, { ...change, importance }), provenance }
  const limits = await roomFor(deps, row, next)
  const [updated] = await tenantTransaction(deps.sql, scopeOf(context.caller), async (tx) => {
    const [, rows, records] = await Promise.all([
      lockSubjects(tx, row.tenant_id, [
        { subjectId: row.subject_id, keyVersion: keys.content.current().id, consent: consentFor(context.caller) },
      ]),
      replaceMemory(tx, row, next, limits),
      mayBeMadeFor(before) ? selectMadeFor(tx, row) : [],
    ])
    requireNoRecord(records)
    if (rows.length > 0) await outboxInsert(tx, [updatedEvent(deps, context, row, change)])
    await withdraw(tx, deps, context, keys, rows, change)
    return rows
  }).catch((error: unknown) => {
    throw errorCode(error) === OVER_QUOTA ? refusal(deps, 'subject.bytes') : error
  })
  if (updated === undefined) return null
  deps.quotas.add(row.tenant_id, { memories: 0, bytes: next.sealed.length })
  deps.relay.wake()
  deps.indexes.changed({ tenantId: row.tenant_id, subjectId: row.subject_id }, [updated.change])
  return memoryView(updated, attributes)
}

/** What of a memory decides which reflections it is told in, and how far they are trusted. */
const REFLECTED = ['occurred_at', 'role', 'speaker', 'trust'] as const

/** A summary or a reflection must not go on telling what was corrected. */
async function withdraw(
  tx: Tx,
  deps: MemoryDeps,
  context: RequestContext,
  keys: SubjectKeys,
  rows: readonly MemoryRow[],
  change: UpdateMemory,
): Promise<void> {
  const [row] = rows
  const isRetold = change.content !== undefined
  if (row === undefined || !(isRetold || REFLECTED.some((field) => change[field] !== undefined))) return
  const place = { tenantId: row.tenant_id, subjectId: row.subject_id }
  const told = isRetold ? row : { ...row, summarised_by: null }
  const gone = await withdrawSummaries(tx, deps, context, place, [told])
  if (gone.length === 0) return
  await removeFromSegments(tx, keys, place, gone)
  for (const { size } of gone) deps.quotas.add(row.tenant_id, { memories: -1, bytes: -size })
}

/** The quotas of the subject. The version before stays, so each change takes more. Throws AppError `quota_exceeded`. */
async function roomFor(deps: MemoryDeps, row: MemoryRow, next: Replacement): Promise<Amount> {
  const { quotas } = deps
  const exceeds = ({ used, limits }: TenantUsage) => used.bytes + next.sealed.length > limits.tenant.bytes
  const usage = await quotas.of(row.tenant_id)
  if (!exceeds(usage)) return usage.limits.subject
  const fresh = await quotas.fresh(row.tenant_id)
  if (exceeds(fresh)) throw refusal(deps, 'tenant.bytes')
  return fresh.limits.subject
}

function refusal({ quotas }: MemoryDeps, quota: QuotaName): AppError {
  quotas.noteRefusal(quota)
  return quotaExceeded(quota)
}

function changedAttributes(before: PrivateAttributes, change: UpdateMemory): PrivateAttributes {
  const { content, role, speaker, topic, category, entities, tags, metadata, sentiment } = change
  const named = Object.entries({ content, role, speaker, topic, category, entities, tags, metadata, sentiment })
  return { ...before, ...Object.fromEntries(named.filter(([, value]) => value !== undefined)) }
}

function replacement(
  deps: MemoryDeps,
  keys: SubjectKeys,
  row: MemoryRow,
  attributes: PrivateAttributes,
  { tier, importance, occurred_at, ttl_seconds }: UpdateMemory,
): Omit<Replacement, 'provenance'> {
  const place = { tenantId: row.tenant_id, subjectId: row.subject_id, memoryId: row.id, version: row.version + 1 }
  return {
    tier: tier ?? null,
    importance: importance ?? row.importance,
    occurredAt: occurred_at === undefined ? row.occurred_at : new Date(occurred_at),
    expiresAt: expiry(deps, row, ttl_seconds),
    fingerprint: fingerprintOf(keys, {
      namespace: row.namespace,
      threadId: row.thread_id,
      content: attributes.content,
    }),
    sealed: sealAttributes(keys.content.current(), place, attributes),
  }
}

function expiry(deps: MemoryDeps, row: MemoryRow, ttlSeconds: number | null | undefined): Date | null {
  if (ttlSeconds === undefined) return row.expires_at
  return ttlSeconds === null ? null : new Date(deps.now().getTime() + ttlSeconds * 1000)
}

function updatedEvent(deps: MemoryDeps, context: RequestContext, row: MemoryRow, change: UpdateMemory) {
  return deps.events({
    type: 'memory.updated',
    context,
    resourceId: row.id,
    statusCode: 200,
    details: { subject_id: row.subject_id, version: row.version + 1, fields: Object.keys(change) },
  })
}
