import { randomBytes } from 'node:crypto'
import { hashLeaf } from '@memoric/crypto/merkle-hash.ts'
import { errorCode, SQLSTATE } from '@memoric/postgres/database-error.ts'
import { byteaArray, jsonLines, plainArray, textArray, timestampArray } from '@memoric/postgres/array-parameter.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { LogEntry, PreparedEvent, SealedPersonal } from './append-batch.ts'
import { canonicalText } from '../tree/canonical-line.ts'
import { growTree } from '../tree/grow-tree.ts'
import { lockState, type LogState, saveState } from '../tree/log-state.ts'
import { completeTree } from '../tree/older-lines.ts'
import { extendTiles } from '../tree/tile-repository.ts'
import { placeEntries, type PlacedEntry } from './place-entries.ts'

/** Bytes of the random part of a leaf. */
const NONCE_LENGTH = 16

/**
 * Appends the events that the log does not have yet, to the lines and to the tree in one transaction; gives how many those were.
 * Whoever holds the row of log_state is the only one who appends, so replicas stand by and places are dense.
 */
export async function appendEvents(sql: Sql, prepared: readonly PreparedEvent[], receivedAt: Date): Promise<number> {
  if (prepared.length === 0) return 0
  try {
    return await append(sql, prepared, receivedAt, noneKnown)
  } catch (error) {
    if (errorCode(error) !== SQLSTATE.uniqueViolation) throw error
    return append(sql, prepared, receivedAt, knownEvents)
  }
}

type LookUp = (tx: Tx, prepared: readonly PreparedEvent[]) => PromiseLike<ReadonlySet<string>>

/** Events come twice when a process was killed, and hardly ever else: the primary key refuses those, and then they are looked for. */
const noneKnown: LookUp = () => Promise.resolve(new Set())

function append(sql: Sql, prepared: readonly PreparedEvent[], receivedAt: Date, lookUp: LookUp): Promise<number> {
  return systemTransaction(sql, async (tx) => {
    // Sent together and answered in this order: the others see what was there once the lock was held.
    const [locked, known, lastSeqs] = await Promise.all([
      lockState(tx),
      lookUp(tx, prepared),
      lastSequences(tx, prepared),
    ])
    const fresh = prepared.filter(({ entry }) => !known.has(keyOf(entry)))
    if (fresh.length > 0) await insertEvents(tx, fresh, await completeTree(tx, locked), lastSeqs, receivedAt)
    return fresh.length
  })
}

function keyOf({ tenantId, eventId }: Pick<LogEntry, 'tenantId' | 'eventId'>): string {
  return `${tenantId} ${eventId}`
}

/** The limit keeps this a look-up by the primary key of one partition for each event, whatever the statistics say. */
async function knownEvents(tx: Tx, prepared: readonly PreparedEvent[]): Promise<ReadonlySet<string>> {
  const entries = prepared.map(({ entry }) => entry)
  const rows = await tx<{ tenantId: string; eventId: string }[]>`
    select batch.tenant_id as "tenantId", batch.event_id as "eventId"
    from unnest(
      ${plainArray(entries.map(({ tenantId }) => tenantId))}::uuid[],
      ${plainArray(entries.map(({ eventId }) => eventId))}::uuid[])
      as batch (tenant_id, event_id)
    cross join lateral (
      select from audit_logs
      where audit_logs.tenant_id = batch.tenant_id and audit_logs.event_id = batch.event_id
      limit 1
    ) as known`
  return new Set(rows.map(keyOf))
}

async function insertEvents(
  tx: Tx,
  fresh: readonly PreparedEvent[],
  { size, tree }: LogState,
  lastSeqs: ReadonlyMap<string, number>,
  receivedAt: Date,
) {
  const placement = placeEntries(
    fresh.map(({ entry }) => entry),
    size,
    lastSeqs,
  )
  const leaves = makeLeaves(placement.entries, fresh, receivedAt)
  const grown = growTree(
    tree,
    leaves.map((leaf) => hashLeaf(Buffer.from(leaf))),
  )
  await Promise.all([
    insertEntries(tx, placement.entries, leaves, receivedAt),
    insertPersonal(
      tx,
      fresh.flatMap(({ personal }) => personal ?? []),
    ),
    saveSequences(tx, placement.lastSeqs),
    extendTiles(tx, grown.tiles),
    saveState(tx, { size: placement.size, tree: grown.tree }),
  ])
}

/** The canonical text of each line. */
function makeLeaves(entries: readonly PlacedEntry[], fresh: readonly PreparedEvent[], receivedAt: Date): string[] {
  const random = randomBytes(entries.length * NONCE_LENGTH)
  return entries.map((entry, at) =>
    canonicalText({
      ...entry,
      receivedAt,
      nonce: random.toString('base64', at * NONCE_LENGTH, (at + 1) * NONCE_LENGTH),
      commitment: fresh[at]?.personal?.commitment ?? null,
    }),
  )
}

async function lastSequences(tx: Tx, prepared: readonly PreparedEvent[]): Promise<ReadonlyMap<string, number>> {
  const tenants = [...new Set(prepared.map(({ entry }) => entry.tenantId))]
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

function insertEntries(tx: Tx, entries: readonly PlacedEntry[], leaves: readonly string[], receivedAt: Date) {
  const column = <K extends keyof PlacedEntry>(name: K) => entries.map((entry) => entry[name])
  return tx`
    insert into audit_logs (
      log_index, event_id, tenant_id, tenant_seq, occurred_at, received_at, source, actor_type, actor_id, operation,
      resource_type, resource_id, outcome, reason, endpoint, method, status_code, duration_ms, request_id, details, canonical
    )
    select
      log_index, event_id, tenant_id, tenant_seq, occurred_at, ${receivedAt}, source, actor_type, actor_id, operation,
      resource_type, resource_id, outcome, reason, endpoint, method, status_code, duration_ms, request_id, details::jsonb,
      canonical
    from unnest(
      ${plainArray(column('logIndex'))}::bigint[], ${plainArray(column('eventId'))}::uuid[],
      ${plainArray(column('tenantId'))}::uuid[], ${plainArray(column('tenantSeq'))}::bigint[],
      ${timestampArray(column('occurredAt'))}::timestamptz[],
      ${textArray(column('source'))}::text[], ${textArray(column('actorType'))}::text[], ${textArray(column('actorId'))}::text[],
      ${textArray(column('operation'))}::text[], ${textArray(column('resourceType'))}::text[],
      ${textArray(column('resourceId'))}::text[], ${textArray(column('outcome'))}::text[], ${textArray(column('reason'))}::text[],
      ${textArray(column('endpoint'))}::text[], ${textArray(column('method'))}::text[],
      ${plainArray(column('statusCode'))}::integer[], ${plainArray(column('durationMs'))}::double precision[],
      ${textArray(column('requestId'))}::text[],
      string_to_array(${jsonLines(column('details'))}, chr(10)), string_to_array(${jsonLines(leaves)}, chr(10))
    ) as batch (
      log_index, event_id, tenant_id, tenant_seq, occurred_at, source, actor_type, actor_id, operation,
      resource_type, resource_id, outcome, reason, endpoint, method, status_code, duration_ms, request_id, details, canonical
    )`
}

function insertPersonal(tx: Tx, personal: readonly SealedPersonal[]) {
  const column = <K extends keyof SealedPersonal>(name: K) => personal.map((one) => one[name])
  return tx`
    insert into personal_data (tenant_id, event_id, actor, key_id, sealed)
    select * from unnest(
      ${plainArray(column('tenantId'))}::uuid[], ${plainArray(column('eventId'))}::uuid[], ${textArray(column('actor'))}::text[],
      ${plainArray(column('keyId'))}::uuid[], ${byteaArray(column('sealed'))}::bytea[]
    )`
}
