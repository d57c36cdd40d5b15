import type { MemoryId } from '@memoric/contracts/ids.ts'
import type { ListMemoriesQuery } from '@memoric/contracts/memory-contract.ts'
import { byteaArray, jsonLines, plainArray, textArray, timestampArray } from '@memoric/postgres/array-parameter.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { OutboxEvent } from '@memoric/service/event-factory.ts'
import { type AskOfClaim, keepClaims } from '../idempotency/idempotency-repository.ts'
import type { ProvenanceColumns } from '../provenance/provenance-view.ts'
import type { Provenance } from '../provenance/provenance.ts'
import type { Amount } from '../quotas/quota-rules.ts'
import type { MemoryDraft } from './memory-draft.ts'
import type { MemoryRow } from './memory-row.ts'
import type { Ask, Entry } from './merge-drafts.ts'
import { recordOf } from './record-of.ts'

/** Columns of a MemoryRow; `m` is the table. */
function columns(tx: Tx, sealed = tx`m.sealed`) {
  return tx`m.tenant_id, m.id, m.subject_id, m.namespace, m.thread_id, m.session_id, m.seq, m.change, m.version, m.tier,
    m.importance, m.seen_count, m.occurred_at, m.created_at, m.updated_at, m.expires_at,
    m.summarised_by, m.written_by, m.source, m.trust, m.standing, m.withheld, ${sealed} as sealed`
}

/** The event of a draft, as it is told when the draft made a memory and when it reinforced one; which, the database decides. */
export interface ToldWrite {
  readonly ask: Ask
  readonly made: OutboxEvent
  /** Names the draft's id in place of that of the memory. */
  readonly reinforced: OutboxEvent
}

/** A subject to lock, and the version of its key that a write was sealed with; null where nothing was sealed. */
export interface SubjectLock {
  readonly subjectId: string
  readonly keyVersion: number | null
  /** For a write of content: whether its consent has to be valid, or must not have been withdrawn only. */
  readonly consent?: 'required' | 'not_withdrawn'
}

/**
 * SQLSTATE of `memoric.require_key_version`: the write was sealed with a key that has been rotated since, or was destroyed with its
 * subject.
 */
export const STALE_KEY = 'MK001'

const CONSENTS = { not_withdrawn: 1, required: 2 } as const

/**
 * Locks subjects, always in the same order so that no two writers wait for each other. Throws STALE_KEY when the key of one
 * has another version now or is gone, CONSENT_WITHDRAWN and NO_CONSENT where a lock asks for consent.
 */
export function lockSubjects(tx: Tx, tenantId: string, locks: readonly SubjectLock[]) {
  return tx`
    with locked as (
      select l.key_version, memoric.require_key_version(s.key_version, l.key_version),
        memoric.require_consent(s.stopped, s.consent_until, l.consent > 0, l.consent > 1)
      from subjects s
      join unnest(
        ${textArray(locks.map(({ subjectId }) => subjectId))}::text[],
        ${plainArray(locks.map(({ keyVersion }) => keyVersion))}::int[],
        ${plainArray(locks.map(({ consent }) => (consent === undefined ? 0 : CONSENTS[consent])))}::int[]
      ) as l (subject_id, key_version, consent) on l.subject_id = s.subject_id
      where s.tenant_id = ${tenantId}
      order by s.subject_id for update of s
    )
    select memoric.require_key_version(count(key_version)::int, ${locks.filter(({ keyVersion }) => keyVersion !== null).length})
    from locked`
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
      returning m.id as entry_id, ${columns(tx, tx`null::bytea`)}
    ), reinforced as (
      update memories m set seen_count = m.seen_count + n.times, change = counter.change + n.nth_change
      from numbered n join counter using (subject_id)
      where m.tenant_id = ${tenantId} and m.id = n.known_id
      returning n.id as entry_id, ${columns(tx, tx`m.sealed`)}
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

/** Live memories by id, in no order. */
export function selectMemories(tx: Tx, tenantId: string, ids: readonly string[]) {
  return tx<MemoryRow[]>`
    select ${columns(tx)} from memories m
    where m.tenant_id = ${tenantId} and m.id = any (${[...ids]}::uuid[])
      and (m.expires_at is null or m.expires_at > now())`
}

/** Live memories by id, in no order, each with whether its thread is archived. */
export function selectFoundMemories(tx: Tx, tenantId: string, ids: readonly string[]) {
  return tx<MemoryRow[]>`
    select ${columns(tx)}, ${isArchived(tx)} from memories m
    where m.tenant_id = ${tenantId} and m.id = any (${[...ids]}::uuid[])
      and (m.expires_at is null or m.expires_at > now())`
}

/** Whether the thread of the memory `m` is archived. */
function isArchived(tx: Tx) {
  return tx`
    m.thread_id is not null and exists (
      select from threads t
      where t.tenant_id = m.tenant_id and t.subject_id = m.subject_id and t.namespace = m.namespace
        and t.thread_id = m.thread_id and t.archived_at is not null
    ) as is_archived`
}

/** Live memories as they were in the version that is named for each, in no order. */
export function selectAsWritten(tx: Tx, tenantId: string, ids: readonly string[], versions: readonly number[]) {
  return tx<MemoryRow[]>`
    with live as (
      select m.*, asked.version as asked from memories m
      join unnest(${[...ids]}::uuid[], ${[...versions]}::int[]) as asked (id, version) on asked.id = m.id
      where m.tenant_id = ${tenantId} and (m.expires_at is null or m.expires_at > now())
    )
    select ${columns(tx)} from live m where m.version = m.asked
    union all
    select m.tenant_id, m.id, m.subject_id, m.namespace, m.thread_id, m.session_id, m.seq, m.change, v.version, v.tier,
      v.importance, m.seen_count, v.occurred_at, m.created_at, v.written_at, v.expires_at, m.summarised_by, v.written_by,
      v.source, v.trust, m.standing, m.withheld, v.sealed
    from live m join memory_versions v on v.tenant_id = m.tenant_id and v.memory_id = m.id and v.version = m.asked`
}

/** How far a subject is. */
interface SubjectPart {
  readonly subject_since: Date
  readonly last_change: number
}

/** Live memories of one subject by id, in no order, each with how far the subject is: at least one row, without a memory if need be. */
export function selectMemoriesWithState(tx: Tx, tenantId: string, subjectId: string, ids: readonly string[]) {
  return tx<((MemoryRow | { readonly id: null }) & SubjectPart)[]>`
    select s.created_at as subject_since, s.last_change, ${columns(tx)}, ${isArchived(tx)}
    from subjects s left join memories m on m.tenant_id = s.tenant_id and m.subject_id = s.subject_id
      and m.id = any (${[...ids]}::uuid[]) and (m.expires_at is null or m.expires_at > now())
    where s.tenant_id = ${tenantId} and s.subject_id = ${subjectId}`
}

/** A page of live memories, newest first, that come before the memory `beforeId`. */
export function selectPage(tx: Tx, tenantId: string, query: ListMemoriesQuery, beforeId: string | null) {
  const { subject_id, namespace, thread_id, tier, before, after, withheld = false, limit } = query
  return tx<MemoryRow[]>`
    select ${columns(tx)} from memories m
    where m.tenant_id = ${tenantId} and (m.expires_at is null or m.expires_at > now())
      ${beforeId === null ? tx`` : tx`and m.id < ${beforeId}`}
      ${subject_id === undefined ? tx`` : tx`and m.subject_id = ${subject_id}`}
      ${namespace === undefined ? tx`` : tx`and m.namespace = ${namespace}`}
      ${thread_id === undefined ? tx`` : tx`and m.thread_id = ${thread_id}`}
      ${tier === undefined ? tx`` : tx`and m.tier = ${tier}`}
      ${before === undefined ? tx`` : tx`and m.occurred_at < ${before}`}
      ${after === undefined ? tx`` : tx`and m.occurred_at >= ${after}`}
      ${withheld ? tx`` : tx`and m.standing > 0`}
    order by m.id desc limit ${limit + 1}`
}

type VersionColumns =
  'tenant_id' | 'id' | 'subject_id' | 'version' | 'tier' | 'importance' | 'occurred_at' | 'expires_at' | 'sealed'

export interface VersionRow extends Pick<MemoryRow, VersionColumns>, ProvenanceColumns {
  readonly written_at: Date
  readonly replaced_at: Date
}

/** Replaced versions of a memory, newest first. */
export function selectVersions(tx: Tx, tenantId: string, memoryId: string) {
  return tx<VersionRow[]>`
    select tenant_id, memory_id as id, subject_id, version, tier, importance, occurred_at, expires_at,
      written_at, replaced_at, written_by, source, trust, sealed
    from memory_versions where tenant_id = ${tenantId} and memory_id = ${memoryId}
    order by version desc`
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
    returning ${columns(tx)}`
}

/** A memory that was removed. */
export interface RemovedRow {
  readonly id: MemoryId
  readonly seq: number
  readonly version: number
  readonly summarised_by: MemoryId | null
  /** Sealed bytes that went with it, those of replaced versions too. */
  readonly size: number
}

/** Deletes a memory with its history and leaves a note for the indexes; no row when `row` is no longer the current one. */
export function removeMemory(tx: Tx, row: MemoryRow) {
  return remove(tx, row.tenant_id, row.subject_id, tx`m.id = ${row.id} and m.version = ${row.version}`)
}

/** The same for these memories of a thread, but for those that have the words of something else. */
export function removeOfThread(tx: Tx, tenantId: string, subjectId: string, threadId: string, ids: readonly string[]) {
  return remove(
    tx,
    tenantId,
    subjectId,
    tx`m.id = any (${[...ids]}::uuid[]) and m.thread_id = ${threadId}
      and ${recordOf(tx, tx`m.tenant_id`, tx`m.id`)} is null`,
  )
}

/** The same for all of these memories. */
export function removeMemories(tx: Tx, tenantId: string, subjectId: string, ids: readonly string[]) {
  return remove(tx, tenantId, subjectId, tx`m.id = any (${[...ids]}::uuid[])`)
}

/** The same for those of these memories whose time is over. */
export function removeExpired(tx: Tx, tenantId: string, subjectId: string, ids: readonly string[]) {
  return remove(tx, tenantId, subjectId, tx`m.id = any (${[...ids]}::uuid[]) and m.expires_at <= now()`)
}

function remove(tx: Tx, tenantId: string, subjectId: string, which: ReturnType<Tx>) {
  return tx<RemovedRow[]>`
    with gone as (
      delete from memories m where m.tenant_id = ${tenantId} and m.subject_id = ${subjectId} and ${which}
      returning m.id, m.seq, m.version, m.namespace, m.summarised_by, octet_length(m.sealed) as size
    ), clustered as (
      delete from clusters
      where tenant_id = ${tenantId} and subject_id = ${subjectId} and namespace in (select namespace from gone)
    ), history as (
      delete from memory_versions where tenant_id = ${tenantId} and memory_id in (select id from gone)
      returning memory_id, octet_length(sealed) as size
    ), edited as (
      delete from memory_edits where tenant_id = ${tenantId} and memory_id in (select id from gone)
    ), shared as (
      delete from capsule_memories where tenant_id = ${tenantId} and memory_id in (select id from gone)
    ), sizes as (
      select gone.*, size + coalesce((select sum(size) from history where memory_id = gone.id), 0) as whole,
        row_number() over (order by id) as nth
      from gone
    ), counter as (
      update subjects s set last_change = last_change + removed.count, memories = memories - removed.count,
        bytes = bytes - removed.whole
      from (select count(*) as count, sum(whole) as whole from sizes) as removed
      where s.tenant_id = ${tenantId} and s.subject_id = ${subjectId} and removed.count > 0
      returning last_change - removed.count as change
    ), note as (
      insert into memory_deletions (tenant_id, subject_id, change, memory_id)
      select ${tenantId}, ${subjectId}, change + nth, id from sizes, counter
    )
    select id, seq, version, summarised_by, whole::bigint as size from sizes`
}
