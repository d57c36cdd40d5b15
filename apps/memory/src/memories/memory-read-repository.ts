import type { ListMemoriesQuery } from '@memoric/contracts/memory-contract.ts'
import { plainArray } from '@memoric/postgres/array-parameter.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { ProvenanceColumns } from '../provenance/provenance-view.ts'
import { memoryColumns } from './memory-columns.ts'
import type { MemoryRow } from './memory-row.ts'

/** Live memories by id, in no order. */
export function selectMemories(tx: Tx, tenantId: string, ids: readonly string[]) {
  return tx<MemoryRow[]>`
    select ${memoryColumns(tx)} from memories m
    where m.tenant_id = ${tenantId} and m.id = any (${plainArray(ids)}::uuid[])
      and (m.expires_at is null or m.expires_at > now())`
}

/** Live memories by id, in no order, each with whether its thread is archived. */
export function selectFoundMemories(tx: Tx, tenantId: string, ids: readonly string[]) {
  return tx<MemoryRow[]>`
    select ${memoryColumns(tx)}, ${isArchived(tx)} from memories m
    where m.tenant_id = ${tenantId} and m.id = any (${plainArray(ids)}::uuid[])
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
      join unnest(${plainArray(ids)}::uuid[], ${plainArray(versions)}::int[]) as asked (id, version) on asked.id = m.id
      where m.tenant_id = ${tenantId} and (m.expires_at is null or m.expires_at > now())
    )
    select ${memoryColumns(tx)} from live m where m.version = m.asked
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
    select s.created_at as subject_since, s.last_change, ${memoryColumns(tx)}, ${isArchived(tx)}
    from subjects s left join memories m on m.tenant_id = s.tenant_id and m.subject_id = s.subject_id
      and m.id = any (${plainArray(ids)}::uuid[]) and (m.expires_at is null or m.expires_at > now())
    where s.tenant_id = ${tenantId} and s.subject_id = ${subjectId}`
}

/** A page of live memories, newest first, that come before the memory `beforeId`. */
export function selectPage(tx: Tx, tenantId: string, query: ListMemoriesQuery, beforeId: string | null) {
  const { subject_id, namespace, thread_id, tier, before, after, withheld = false, limit } = query
  return tx<MemoryRow[]>`
    select ${memoryColumns(tx)} from memories m
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
export function selectVersions(tx: Tx, tenantId: string, memoryId: string, before: number, limit: number) {
  return tx<VersionRow[]>`
    select tenant_id, memory_id as id, subject_id, version, tier, importance, occurred_at, expires_at,
      written_at, replaced_at, written_by, source, trust, sealed
    from memory_versions where tenant_id = ${tenantId} and memory_id = ${memoryId} and version < ${before}
    order by version desc limit ${limit}`
}
