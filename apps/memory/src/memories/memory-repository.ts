import { byteaArray, jsonLines, plainArray, textArray, timestampArray } from '@memoric/postgres/array-parameter.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { OutboxEvent } from '@memoric/service/event-factory.ts'
import { type AskOfClaim, keepClaims } from '../idempotency/idempotency-repository.ts'
import type { Provenance } from '../provenance/provenance.ts'
import type { Amount } from '../quotas/quota-rules.ts'
import { memoryColumns } from './memory-columns.ts'
import type { MemoryDraft } from './memory-draft.ts'
import type { MemoryRow } from './memory-row.ts'
import type { Ask, Entry } from './merge-drafts.ts'

/** The event of a draft, as it is told when the draft made a memory and when it reinforced one; which, the database decides. */
export interface ToldWrite {
  readonly ask: Ask
  readonly made: OutboxEvent
  /** Names the draft's id in place of that of the memory. */
  readonly reinforced: OutboxEvent
}

/** What became of an entry. A row that was made has no `sealed`: the writer has it. */
export interface WrittenRow extends Omit<MemoryRow, 'sealed'> {
  readonly entry_id: string
  readonly sealed: Buffer | null
}

/**
 * Writes entries whose subjects are locked, numbers them, and tells of them in the outbox: one statement, which sees what
 * others committed before the lock was granted. An entry whose content a live memory of the same subject, namespace and
 * thread has already, and that is trusted no less, reinforces the oldest such memory. Keeps what becomes of the asks of claims. Throws OVER_QUOTA when a subject
 * would have more than `limits`, and a unique violation when a claim was kept already.
 */
export function writeEntries(
  tx: Tx,
  tenantId: string,
  entries: readonly Entry[],
  told: readonly ToldWrite[],
  limits: Amount,
  claims: readonly AskOfClaim[] = [],
) {
  const of = <T>(read: (draft: MemoryDraft) => T): T[] => entries.map(({ draft }) => read(draft))
  return tx<WrittenRow[]>`
    with entry as (
      select * from unnest(
        ${plainArray(of(({ id }) => id))}::uuid[], ${textArray(of(({ subjectId }) => subjectId))}::text[],
        ${textArray(of(({ namespace }) => namespace))}::text[], ${textArray(of(({ threadId }) => threadId))}::text[],
        ${textArray(of(({ sessionId }) => sessionId))}::text[], ${textArray(of(({ tier }) => tier))}::text[],
        ${plainArray(of(({ importance }) => importance))}::real[],
        ${timestampArray(of(({ occurredAt }) => occurredAt))}::timestamptz[],
        ${timestampArray(of(({ createdAt }) => createdAt))}::timestamptz[],
        ${timestampArray(of(({ expiresAt }) => expiresAt))}::timestamptz[],
        ${byteaArray(of(({ fingerprint }) => fingerprint))}::bytea[], ${byteaArray(of(({ sealed }) => sealed))}::bytea[],
        ${textArray(of(({ provenance }) => provenance.writtenBy))}::text[],
        ${textArray(of(({ provenance }) => provenance.source))}::text[],
        ${plainArray(of(({ provenance }) => provenance.trust))}::smallint[],
        ${plainArray(of(({ reinforces }) => (reinforces ? 1 : 0)))}::int[],
        ${plainArray(entries.map(({ times }) => times))}::int[]
      ) with ordinality as t (id, subject_id, namespace, thread_id, session_id, tier, importance, occurred_at, created_at,
        expires_at, fingerprint, sealed, written_by, source, trust, reinforces, times, ord)
    ), known as (
      select entry.id, oldest.id as known_id
      from entry cross join lateral (
        select m.id from memories m
        where m.tenant_id = ${tenantId} and m.fingerprint = entry.fingerprint and m.trust >= entry.trust
          and (m.expires_at is null or m.expires_at > now())
        order by m.id limit 1
      ) as oldest
      where entry.reinforces = 1
    ), numbered as (
      select entry.*, known_id,
        row_number() over earlier as nth_change,
        count(*) filter (where known_id is null) over earlier as nth_made
      from entry left join known using (id)
      window earlier as (partition by subject_id order by ord)
    ), counter as (
      update subjects s set last_seq = last_seq + made, last_change = last_change + changed,
        memories = s.memories + made, bytes = s.bytes + size
      from (
        select subject_id, count(*) filter (where known_id is null) as made, count(*) as changed,
          coalesce(sum(octet_length(sealed)) filter (where known_id is null), 0)::bigint as size
        from numbered group by subject_id
      ) as more
      where s.tenant_id = ${tenantId} and s.subject_id = more.subject_id
      returning s.subject_id, last_seq - made as seq, last_change - changed as change,
        ${refuseAbove(tx, limits)} as is_within
    ), made as (
      insert into memories as m (
        tenant_id, id, subject_id, namespace, thread_id, session_id, seq, change, version, tier, importance, seen_count,
        occurred_at, created_at, updated_at, expires_at, fingerprint, sealed, written_by, source, trust
      )
      select ${tenantId}, id, subject_id, namespace, thread_id, session_id, seq + nth_made, change + nth_change, 1, tier,
        importance, times, occurred_at, created_at, created_at, expires_at, fingerprint, sealed, written_by, source, trust
      from numbered join counter using (subject_id)
      where known_id is null
      returning m.id as entry_id, ${memoryColumns(tx, tx`null::bytea`)}
    ), reinforced as (
      update memories m set seen_count = m.seen_count + n.times, change = counter.change + n.nth_change
      from numbered n join counter using (subject_id)
      where m.tenant_id = ${tenantId} and m.id = n.known_id
      returning n.id as entry_id, ${memoryColumns(tx, tx`m.sealed`)}
    ), told as (
      insert into outbox (event_id, tenant_id, subject, payload)
      select event_id, ${tenantId},
        case when known_id is null and is_first = 1 then made_subject else reinforced_subject end,
        case when known_id is null and is_first = 1 then made_payload
          else replace(reinforced_payload, draft_id, coalesce(known_id, n.id)::text) end
      from unnest(
        ${plainArray(told.map(({ made }) => made.eventId))}::uuid[],
        ${plainArray(told.map(({ ask }) => ask.entryId))}::uuid[], ${plainArray(told.map(({ ask }) => ask.draft.id))}::text[],
        ${plainArray(told.map(({ ask }) => (ask.isFirst ? 1 : 0)))}::int[],
        ${textArray(told.map(({ made }) => made.subject))}::text[],
        string_to_array(${jsonLines(told.map(({ made }) => made.payload))}, chr(10)),
        ${textArray(told.map(({ reinforced }) => reinforced.subject))}::text[],
        string_to_array(${jsonLines(told.map(({ reinforced }) => reinforced.payload))}, chr(10))
      ) as event (event_id, entry_id, draft_id, is_first, made_subject, made_payload, reinforced_subject, reinforced_payload)
      join numbered n on n.id = event.entry_id
    ), written as (
      select * from made union all select * from reinforced
    )${claims.length === 0 ? tx`` : tx`, kept as (${keepClaims(tx, tenantId, claims)})`}
    select * from written`
}

/** Throws OVER_QUOTA when the subject `s`, to which something was added, has more than it may. */
function refuseAbove(tx: Tx, limits: Amount) {
  return tx`
    case when made = 0 then true
      when s.memories > ${limits.memories} then memoric.refuse_over_quota('subject.memories')
      when s.bytes > ${limits.bytes} then memoric.refuse_over_quota('subject.bytes') else true end`
}

/** Which of the entries would reinforce a live memory; right for subjects that are locked. */
export function selectKnown(tx: Tx, tenantId: string, entries: readonly Entry[]) {
  const reinforcing = entries.filter(({ draft }) => draft.reinforces).map(({ draft }) => draft)
  return tx<{ id: string }[]>`
    select entry.id from unnest(
      ${plainArray(reinforcing.map(({ id }) => id))}::uuid[],
      ${byteaArray(
        reinforcing.map(({ fingerprint }) => fingerprint),
      )}::bytea[], ${plainArray(reinforcing.map(({ provenance }) => provenance.trust))}::smallint[]
    ) as entry (id, fingerprint, trust)
    where exists (
      select from memories m
      where m.tenant_id = ${tenantId} and m.fingerprint = entry.fingerprint and m.trust >= entry.trust
        and (m.expires_at is null or m.expires_at > now())
    )`
}

export interface Replacement {
  /** Null leaves the memory where it is by then: a policy may have moved it since it was read. */
  readonly tier: string | null
  readonly importance: number
  readonly occurredAt: Date
  readonly expiresAt: Date | null
  readonly fingerprint: Buffer
  readonly sealed: Buffer
  /** Null leaves it as it is. */
  readonly provenance: Provenance | null
}

/**
 * Moves the current version to the history and writes the next one; no row when `row` is no longer the current one, or has expired.
 * Throws OVER_QUOTA when its subject would have more than `limits`.
 */
export function replaceMemory(tx: Tx, row: MemoryRow, next: Replacement, limits: Amount) {
  return tx<MemoryRow[]>`
    with kept as (
      insert into memory_versions (
        tenant_id, memory_id, version, subject_id, namespace, tier, importance, occurred_at, expires_at,
        written_at, replaced_at, sealed, written_by, source, trust
      )
      select tenant_id, id, version, subject_id, namespace, tier, importance, occurred_at, expires_at, updated_at, now(),
        sealed, written_by, source, trust
      from memories where tenant_id = ${row.tenant_id} and id = ${row.id} and version = ${row.version}
        and (expires_at is null or expires_at > now())
      returning 1
    ), counter as (
      update subjects s set last_change = last_change + 1, bytes = bytes + ${next.sealed.length}
      where tenant_id = ${row.tenant_id} and subject_id = ${row.subject_id} and exists (select from kept)
      returning last_change,
        case when s.bytes > ${limits.bytes} then memoric.refuse_over_quota('subject.bytes') else true end as is_within
    )
    update memories m set version = m.version + 1, change = counter.last_change, updated_at = now(),
      tier = coalesce(${next.tier}, m.tier), importance = ${next.importance}, occurred_at = ${next.occurredAt},
      expires_at = ${next.expiresAt}, fingerprint = ${next.fingerprint}, sealed = ${next.sealed},
      written_by = coalesce(${next.provenance?.writtenBy ?? null}, m.written_by),
      source = coalesce(${next.provenance?.source ?? null}, m.source),
      trust = coalesce(${next.provenance?.trust ?? null}::smallint, m.trust)
    from counter
    where m.tenant_id = ${row.tenant_id} and m.id = ${row.id} and m.version = ${row.version}
    returning ${memoryColumns(tx)}`
}
