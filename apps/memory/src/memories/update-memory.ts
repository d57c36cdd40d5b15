import type { Memory, UpdateMemory } from '@memoric/contracts/memory-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
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
import { requireRoom, withQuotas } from '../quotas/single-write-quotas.ts'
import type { TenantUsage } from '../quotas/tenant-usage.ts'
import { mayBeMadeFor, requireNoRecord, selectMadeFor } from './record-guard.ts'
import { checkVersion, findMemory, lockMemory, withKeysOf } from './find-memory.ts'
import { removeFromSegments } from '../search/remove-from-segments.ts'
import { withFreshKeys } from './stale-keys.ts'
import { fingerprintOf } from './memory-draft.ts'
import { replaceMemory, type Replacement } from './memory-repository.ts'
import { lockSubjects, type SubjectLock } from './subject-lock-repository.ts'
import { memoryView, openRow, type MemoryRow } from './memory-row.ts'
import { sealAttributes, type PrivateAttributes } from './private-attributes.ts'

type Update = RouteTable['updateMemory']

/** Writes the next version. Throws AppError `memory_not_found`, `version_mismatch`, `write_conflict`, `rule_violated`, `trust_not_allowed`, `quota_exceeded`. */
export async function updateMemory(deps: MemoryDeps, call: Call<Update>): Promise<RouteOutput<Update>> {
  const { params, headers, body, context } = call
  await requireTierToWrite(deps, context.caller.tenantId, body.tier)
  const row = await findMemory(deps, context, params.id)
  checkVersion(row, headers['if-match'])
  const changed =
    (await replace(deps, context, row, body)) ??
    (await deps.turns.take(row.id, () => replaceCurrent(deps, context, row, body, headers['if-match'])))
  if (changed === null) throw new AppError('write_conflict')
  const memory = tellOf(deps, changed)
  return { status: 200, body: memory, headers: { etag: `"${memory.version}"` } }
}

/** Null when another version is the current one by now. */
function replace(deps: MemoryDeps, context: RequestContext, row: MemoryRow, change: UpdateMemory) {
  return withRoomAndKeys(deps, row, (keys, usage) => {
    const next = nextVersion(deps, context, keys, row, change)
    requireRoom(usage, { memories: 0, bytes: next.sealed.length })
    return tenantTransaction(deps.sql, scopeOf(context.caller), (tx) =>
      write(tx, deps, context, keys, row, change, next, usage),
    )
  })
}

/** The same for the version that is the current one while the subject is locked: nobody comes in between. */
function replaceCurrent(
  deps: MemoryDeps,
  context: RequestContext,
  found: MemoryRow,
  change: UpdateMemory,
  expected: number | undefined,
) {
  return withRoomAndKeys(deps, found, (keys, usage) =>
    tenantTransaction(deps.sql, scopeOf(context.caller), async (tx) => {
      const row = await lockMemory(tx, found, lockOf(context, keys, found))
      checkVersion(row, expected)
      const next = nextVersion(deps, context, keys, row, change)
      requireRoom(usage, { memories: 0, bytes: next.sealed.length })
      return write(tx, deps, context, keys, row, change, next, usage)
    }),
  )
}

/** The version before stays, so each change takes more of what its subject may have. Throws AppError `quota_exceeded`. */
function withRoomAndKeys<R>(
  deps: MemoryDeps,
  row: MemoryRow,
  work: (keys: SubjectKeys, usage: TenantUsage) => Promise<R>,
): Promise<R> {
  return withQuotas(deps, row.tenant_id, (usage) =>
    withFreshKeys(deps, row, () => withKeysOf(deps, row, (keys) => work(keys, usage))),
  )
}

interface NextVersion extends Replacement {
  readonly before: PrivateAttributes
  readonly attributes: PrivateAttributes
}

function nextVersion(
  deps: MemoryDeps,
  context: RequestContext,
  keys: SubjectKeys,
  row: MemoryRow,
  change: UpdateMemory,
): NextVersion {
  const before = openRow(keys, row)
  const changed = { attributes: changedAttributes(before, change), importance: change.importance ?? row.importance }
  const { attributes, importance } = settleChange({ attributes: before, importance: row.importance }, changed, change)
  const provenance = changedProvenance(context.caller, row, change)
  return { ...replacement(deps, keys, row, attributes, { ...change, importance }), provenance, before, attributes }
}

function lockOf({ caller }: RequestContext, keys: SubjectKeys, { subject_id: subjectId }: MemoryRow): SubjectLock {
  return { subjectId, keyVersion: keys.content.current().id, consent: consentFor(caller) }
}

interface Changed {
  readonly row: MemoryRow
  readonly next: NextVersion
}

async function write(
  tx: Tx,
  deps: MemoryDeps,
  context: RequestContext,
  keys: SubjectKeys,
  row: MemoryRow,
  change: UpdateMemory,
  next: NextVersion,
  { limits }: TenantUsage,
): Promise<Changed | null> {
  const [, rows, records] = await Promise.all([
    lockSubjects(tx, row.tenant_id, [lockOf(context, keys, row)]),
    replaceMemory(tx, row, next, limits.subject),
    mayBeMadeFor(next.before) ? selectMadeFor(tx, row) : [],
  ])
  requireNoRecord(records)
  const [updated] = rows
  if (updated === undefined) return null
  await outboxInsert(tx, [updatedEvent(deps, context, row, change)])
  await withdraw(tx, deps, context, keys, updated, change)
  return { row: updated, next }
}

function tellOf(deps: MemoryDeps, { row, next }: Changed): Memory {
  deps.quotas.add(row.tenant_id, { memories: 0, bytes: next.sealed.length })
  deps.relay.wake()
  deps.indexes.changed({ tenantId: row.tenant_id, subjectId: row.subject_id }, [row.change])
  return memoryView(row, next.attributes)
}

/** What of a memory decides which reflections it is told in, and how far they are trusted. */
const REFLECTED = ['occurred_at', 'role', 'speaker', 'trust'] as const

/** A summary or a reflection must not go on telling what was corrected. */
async function withdraw(
  tx: Tx,
  deps: MemoryDeps,
  context: RequestContext,
  keys: SubjectKeys,
  row: MemoryRow,
  change: UpdateMemory,
): Promise<void> {
  const isRetold = change.content !== undefined
  if (!isRetold && REFLECTED.every((field) => change[field] === undefined)) return
  const place = { tenantId: row.tenant_id, subjectId: row.subject_id }
  const told = isRetold ? row : { ...row, summarised_by: null }
  const gone = await withdrawSummaries(tx, deps, context, place, [told])
  if (gone.length === 0) return
  await removeFromSegments(tx, keys, place, gone)
  for (const { size } of gone) deps.quotas.add(row.tenant_id, { memories: -1, bytes: -size })
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
