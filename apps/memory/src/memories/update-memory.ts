import type { UpdateMemory } from '@memoric/contracts/memory-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { scopeOf } from '../caller-scope.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { checkVersion, findMemory, withKeysOf } from './find-memory.ts'
import { withFreshKeys } from './stale-keys.ts'
import { fingerprintOf } from './memory-draft.ts'
import { lockSubjects, replaceMemory, type Replacement } from './memory-repository.ts'
import { memoryView, openRow, type MemoryRow } from './memory-row.ts'
import { sealAttributes, type PrivateAttributes } from './private-attributes.ts'

type Update = RouteTable['updateMemory']

/** How often a change is tried anew when others change the same memory. */
const ATTEMPTS = 5

/** Writes the next version. Throws AppError `memory_not_found`, `version_mismatch`, `write_conflict`. */
export async function updateMemory(deps: MemoryDeps, call: Call<Update>): Promise<RouteOutput<Update>> {
  const { params, headers, body, context } = call
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
  const attributes = changedAttributes(openRow(keys, row), change)
  const next = replacement(deps, keys, row, attributes, change)
  const [updated] = await tenantTransaction(deps.sql, scopeOf(context.caller), async (tx) => {
    const [, rows] = await Promise.all([
      lockSubjects(tx, row.tenant_id, [{ subjectId: row.subject_id, keyVersion: keys.content.current().id }]),
      replaceMemory(tx, row, next),
    ])
    if (rows.length > 0) await outboxInsert(tx, [updatedEvent(deps, context, row, change)])
    return rows
  })
  if (updated === undefined) return null
  deps.relay.wake()
  deps.indexes.changed({ tenantId: row.tenant_id, subjectId: row.subject_id }, [updated.change])
  return memoryView(updated, attributes)
}

function changedAttributes(before: PrivateAttributes, change: UpdateMemory): PrivateAttributes {
  const { content, role, speaker, topic, category, entities, tags, metadata } = change
  const named = Object.entries({ content, role, speaker, topic, category, entities, tags, metadata })
  return { ...before, ...Object.fromEntries(named.filter(([, value]) => value !== undefined)) }
}

function replacement(
  deps: MemoryDeps,
  keys: SubjectKeys,
  row: MemoryRow,
  attributes: PrivateAttributes,
  { tier, importance, occurred_at, ttl_seconds }: UpdateMemory,
): Replacement {
  const place = { tenantId: row.tenant_id, subjectId: row.subject_id, memoryId: row.id, version: row.version + 1 }
  return {
    tier: tier ?? row.tier,
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
