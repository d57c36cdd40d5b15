import type { ListMemoriesQuery } from '@memoric/contracts/memory-contract.ts'
import { byteaArray, timestampArray } from '@memoric/postgres/array-parameter.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { MemoryDraft } from './memory-draft.ts'
import type { MemoryRow } from './memory-row.ts'
import type { Duplicate, Insertion, Reinforcement, SubjectCounters } from './plan-writes.ts'

/** Columns of a MemoryRow; `m` is the table. */
function columns(tx: Tx) {
  return tx`m.tenant_id, m.id, m.subject_id, m.namespace, m.thread_id, m.session_id, m.seq, m.change, m.version, m.tier,
    m.importance, m.seen_count, m.occurred_at, m.created_at, m.updated_at, m.expires_at, m.sealed`
}

/** Locks subjects, always in the same order so that no two writers wait for each other, and reads their counters. */
export function lockSubjects(tx: Tx, tenantId: string, subjectIds: readonly string[]) {
  return tx<SubjectCounters[]>`
    select subject_id, last_seq, last_change from subjects
    where tenant_id = ${tenantId} and subject_id = any (${[...subjectIds]}::text[])
    order by subject_id for update`
}

/** For each draft that may reinforce: the oldest live memory of the same subject, namespace and thread with the same content. */
export function selectDuplicates(tx: Tx, tenantId: string, drafts: readonly MemoryDraft[]) {
  return tx<Duplicate[]>`
    select draft.ord::int - 1 as ord, known.id
    from unnest(
      ${drafts.map((draft) => draft.subjectId)}::text[], ${drafts.map((draft) => draft.namespace)}::text[],
      ${drafts.map((draft) => draft.threadId)}::text[], ${byteaArray(
        tx,
        drafts.map((draft) => draft.fingerprint),
      )}::bytea[]
    ) with ordinality as draft (subject_id, namespace, thread_id, fingerprint, ord)
    cross join lateral (
      select m.id from memories m
      where m.tenant_id = ${tenantId} and m.subject_id = draft.subject_id and m.fingerprint = draft.fingerprint
        and m.namespace = draft.namespace and m.thread_id is not distinct from draft.thread_id
        and (m.expires_at is null or m.expires_at > now())
      order by m.id limit 1
    ) as known`
}

export function insertMemories(tx: Tx, tenantId: string, rows: readonly Insertion[]) {
  const of = <T>(read: (draft: MemoryDraft) => T): T[] => rows.map(({ draft }) => read(draft))
  return tx`
    insert into memories (
      tenant_id, id, subject_id, namespace, thread_id, session_id, seq, change, version, tier, importance, seen_count,
      occurred_at, created_at, updated_at, expires_at, fingerprint, sealed
    )
    select ${tenantId}, id, subject_id, namespace, thread_id, session_id, seq, change, 1, tier, importance, seen_count,
      occurred_at, created_at, created_at, expires_at, fingerprint, sealed
    from unnest(
      ${of((draft) => draft.id)}::uuid[], ${of((draft) => draft.subjectId)}::text[],
      ${of((draft) => draft.namespace)}::text[], ${of((draft) => draft.threadId)}::text[],
      ${of((draft) => draft.sessionId)}::text[], ${rows.map(({ seq }) => seq)}::bigint[],
      ${rows.map(({ change }) => change)}::bigint[], ${of((draft) => draft.tier)}::text[],
      ${of((draft) => draft.importance)}::real[], ${rows.map(({ seenCount }) => seenCount)}::int[],
      ${timestampArray(
        tx,
        of((draft) => draft.occurredAt),
      )}::timestamptz[],
      ${timestampArray(
        tx,
        of((draft) => draft.createdAt),
      )}::timestamptz[],
      ${timestampArray(
        tx,
        of((draft) => draft.expiresAt),
      )}::timestamptz[],
      ${byteaArray(
        tx,
        of((draft) => draft.fingerprint),
      )}::bytea[],
      ${byteaArray(
        tx,
        of((draft) => draft.sealed),
      )}::bytea[]
    ) as t (id, subject_id, namespace, thread_id, session_id, seq, change, tier, importance, seen_count,
      occurred_at, created_at, expires_at, fingerprint, sealed)`
}

export function reinforceMemories(tx: Tx, tenantId: string, rows: readonly Reinforcement[]) {
  return tx<MemoryRow[]>`
    update memories m set seen_count = m.seen_count + r.times, change = r.change
    from unnest(
      ${rows.map(({ id }) => id)}::uuid[], ${rows.map(({ change }) => change)}::bigint[],
      ${rows.map(({ times }) => times)}::int[]
    ) as r (id, change, times)
    where m.tenant_id = ${tenantId} and m.id = r.id
    returning ${columns(tx)}`
}

export function saveCounters(tx: Tx, tenantId: string, counters: readonly SubjectCounters[]) {
  return tx`
    update subjects s set last_seq = c.last_seq, last_change = c.last_change
    from unnest(
      ${counters.map((counter) => counter.subject_id)}::text[], ${counters.map((counter) => counter.last_seq)}::bigint[],
      ${counters.map((counter) => counter.last_change)}::bigint[]
    ) as c (subject_id, last_seq, last_change)
    where s.tenant_id = ${tenantId} and s.subject_id = c.subject_id`
}

/** Live memories by id, in no order. */
export function selectMemories(tx: Tx, tenantId: string, ids: readonly string[]) {
  return tx<MemoryRow[]>`
    select ${columns(tx)} from memories m
    where m.tenant_id = ${tenantId} and m.id = any (${[...ids]}::uuid[])
      and (m.expires_at is null or m.expires_at > now())`
}

/** A page of live memories, newest first, that come before the memory `beforeId`. */
export function selectPage(tx: Tx, tenantId: string, query: ListMemoriesQuery, beforeId: string | null) {
  const { subject_id, namespace, thread_id, tier, before, after, limit } = query
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
    order by m.id desc limit ${limit + 1}`
}

type VersionColumns =
  'tenant_id' | 'id' | 'subject_id' | 'version' | 'tier' | 'importance' | 'occurred_at' | 'expires_at' | 'sealed'

export interface VersionRow extends Pick<MemoryRow, VersionColumns> {
  readonly written_at: Date
  readonly replaced_at: Date
}

/** Replaced versions of a memory, newest first. */
export function selectVersions(tx: Tx, tenantId: string, memoryId: string) {
  return tx<VersionRow[]>`
    select tenant_id, memory_id as id, subject_id, version, tier, importance, occurred_at, expires_at,
      written_at, replaced_at, sealed
    from memory_versions where tenant_id = ${tenantId} and memory_id = ${memoryId}
    order by version desc`
}

export interface Replacement {
  readonly tier: string
  readonly importance: number
  readonly occurredAt: Date
  readonly expiresAt: Date | null
  readonly fingerprint: Buffer
  readonly sealed: Buffer
}

/** Moves the current version to the history and writes the next one; no row when `row` is no longer the current one. */
export function replaceMemory(tx: Tx, row: MemoryRow, next: Replacement) {
  return tx<MemoryRow[]>`
    with kept as (
      insert into memory_versions (
        tenant_id, memory_id, version, subject_id, namespace, tier, importance, occurred_at, expires_at,
        written_at, replaced_at, sealed
      )
      select tenant_id, id, version, subject_id, namespace, tier, importance, occurred_at, expires_at, updated_at, now(), sealed
      from memories where tenant_id = ${row.tenant_id} and id = ${row.id} and version = ${row.version}
      returning 1
    ), counter as (
      update subjects set last_change = last_change + 1
      where tenant_id = ${row.tenant_id} and subject_id = ${row.subject_id} and exists (select from kept)
      returning last_change
    )
    update memories m set version = m.version + 1, change = counter.last_change, updated_at = now(),
      tier = ${next.tier}, importance = ${next.importance}, occurred_at = ${next.occurredAt},
      expires_at = ${next.expiresAt}, fingerprint = ${next.fingerprint}, sealed = ${next.sealed}
    from counter
    where m.tenant_id = ${row.tenant_id} and m.id = ${row.id} and m.version = ${row.version}
    returning ${columns(tx)}`
}

/** Deletes a memory with its history and leaves a note for the indexes; no row when `row` is no longer the current one. */
export function removeMemory(tx: Tx, row: MemoryRow) {
  return tx<{ id: string }[]>`
    with gone as (
      delete from memories
      where tenant_id = ${row.tenant_id} and id = ${row.id} and version = ${row.version}
      returning id
    ), history as (
      delete from memory_versions where tenant_id = ${row.tenant_id} and memory_id in (select id from gone)
    ), counter as (
      update subjects set last_change = last_change + 1
      where tenant_id = ${row.tenant_id} and subject_id = ${row.subject_id} and exists (select from gone)
      returning last_change
    ), note as (
      insert into memory_deletions (tenant_id, subject_id, change, memory_id)
      select ${row.tenant_id}, ${row.subject_id}, counter.last_change, gone.id from gone, counter
    )
    select id from gone`
}
