import { byteaArray, timestampArray } from '@memoric/postgres/array-parameter.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { LogEntry, PreparedEvent, SealedPersonal } from './append-batch.ts'
import { placeEntries, type PlacedEntry } from './place-entries.ts'

/**
 * Appends the events that the log does not have yet, in one transaction; gives how many those were. Whoever holds the row of
 * log_state is the only one who appends, so replicas stand by and places are dense.
 */
export async function appendEvents(sql: Sql, prepared: readonly PreparedEvent[], receivedAt: Date): Promise<number> {
  if (prepared.length === 0) return 0
  return systemTransaction(sql, async (tx) => {
    const size = await lockSize(tx)
    const known = await knownEvents(tx, prepared)
    const fresh = prepared.filter(({ entry }) => !known.has(keyOf(entry)))
    if (fresh.length > 0) await insertEvents(tx, fresh, size, receivedAt)
    return fresh.length
  })
}

function keyOf({ tenantId, eventId }: Pick<LogEntry, 'tenantId' | 'eventId'>): string {
  return `${tenantId} ${eventId}`
}

async function lockSize(tx: Tx): Promise<number> {
  const [state] = await tx<{ size: number }[]>`select size from log_state for update`
  if (state === undefined) throw new Error('log_state has lost its row')
  return state.size
}

/** The limit keeps this a look-up by the primary key of one partition for each event, whatever the statistics say. */
async function knownEvents(tx: Tx, prepared: readonly PreparedEvent[]): Promise<ReadonlySet<string>> {
  const entries = prepared.map(({ entry }) => entry)
  const rows = await tx<{ tenantId: string; eventId: string }[]>`
    select batch.tenant_id as "tenantId", batch.event_id as "eventId"
    from unnest(${entries.map((entry) => entry.tenantId)}::uuid[], ${entries.map((entry) => entry.eventId)}::uuid[])
      as batch (tenant_id, event_id)
    cross join lateral (
      select from audit_logs
      where audit_logs.tenant_id = batch.tenant_id and audit_logs.event_id = batch.event_id
      limit 1
    ) as known`
  return new Set(rows.map(keyOf))
}

async function insertEvents(tx: Tx, fresh: readonly PreparedEvent[], size: number, receivedAt: Date) {
  const entries = fresh.map(({ entry }) => entry)
  const placement = placeEntries(entries, size, await lastSequences(tx, entries))
  await Promise.all([
    insertEntries(tx, placement.entries, receivedAt),
    insertPersonal(
      tx,
      fresh.flatMap(({ personal }) => personal ?? []),
    ),
    saveSequences(tx, placement.lastSeqs),
    tx`update log_state set size = ${placement.size}`,
  ])
}

async function lastSequences(tx: Tx, entries: readonly LogEntry[]): Promise<ReadonlyMap<string, number>> {
  const tenants = [...new Set(entries.map((entry) => entry.tenantId))]
  const rows = await tx<{ tenantId: string; lastSeq: number }[]>`
    select tenant_id as "tenantId", last_seq as "lastSeq" from tenant_logs where tenant_id = any(${tenants}::uuid[])`
  return new Map(rows.map(({ tenantId, lastSeq }) => [tenantId, lastSeq]))
}

function saveSequences(tx: Tx, lastSeqs: ReadonlyMap<string, number>) {
  return tx`
    insert into tenant_logs (tenant_id, last_seq)
    select * from unnest(${[...lastSeqs.keys()]}::uuid[], ${[...lastSeqs.values()]}::bigint[])
    on conflict (tenant_id) do update set last_seq = excluded.last_seq`
}

function insertEntries(tx: Tx, entries: readonly PlacedEntry[], receivedAt: Date) {
  const column = <K extends keyof PlacedEntry>(name: K) => entries.map((entry) => entry[name])
  return tx`
    insert into audit_logs (
      log_index, event_id, tenant_id, tenant_seq, occurred_at, received_at, source, actor_type, actor_id, operation,
      resource_type, resource_id, outcome, reason, endpoint, method, status_code, duration_ms, request_id, details
    )
    select
      log_index, event_id, tenant_id, tenant_seq, occurred_at, ${receivedAt}, source, actor_type, actor_id, operation,
      resource_type, resource_id, outcome, reason, endpoint, method, status_code, duration_ms, request_id, details::jsonb
    from unnest(
      ${column('logIndex')}::bigint[], ${column('eventId')}::uuid[], ${column('tenantId')}::uuid[],
      ${column('tenantSeq')}::bigint[], ${timestampArray(tx, column('occurredAt'))}::timestamptz[], ${column('source')}::text[],
      ${column('actorType')}::text[], ${column('actorId')}::text[], ${column('operation')}::text[],
      ${column('resourceType')}::text[], ${column('resourceId')}::text[], ${column('outcome')}::text[],
      ${column('reason')}::text[], ${column('endpoint')}::text[], ${column('method')}::text[],
      ${column('statusCode')}::integer[], ${column('durationMs')}::double precision[], ${column('requestId')}::text[],
      ${column('details')}::text[]
    ) as batch (
      log_index, event_id, tenant_id, tenant_seq, occurred_at, source, actor_type, actor_id, operation,
      resource_type, resource_id, outcome, reason, endpoint, method, status_code, duration_ms, request_id, details
    )`
}

function insertPersonal(tx: Tx, personal: readonly SealedPersonal[]) {
  const column = <K extends keyof SealedPersonal>(name: K) => personal.map((one) => one[name])
  return tx`
    insert into personal_data (tenant_id, event_id, actor, key_id, sealed)
    select * from unnest(
      ${column('tenantId')}::uuid[], ${column('eventId')}::uuid[], ${column('actor')}::text[], ${column('keyId')}::uuid[],
      ${byteaArray(tx, column('sealed'))}::bytea[]
    )`
}
