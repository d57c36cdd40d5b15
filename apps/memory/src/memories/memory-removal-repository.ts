import type { MemoryId } from '@memoric/contracts/ids.ts'
import { plainArray } from '@memoric/postgres/array-parameter.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { MemoryRow } from './memory-row.ts'
import { recordOf } from './record-of.ts'

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
    tx`m.id = any (${plainArray(ids)}::uuid[]) and m.thread_id = ${threadId}
      and ${recordOf(tx, tx`m.tenant_id`, tx`m.id`)} is null`,
  )
}

/** The same for all of these memories. */
export function removeMemories(tx: Tx, tenantId: string, subjectId: string, ids: readonly string[]) {
  return remove(tx, tenantId, subjectId, tx`m.id = any (${plainArray(ids)}::uuid[])`)
}

/** The same for those of these memories whose time is over. */
export function removeExpired(tx: Tx, tenantId: string, subjectId: string, ids: readonly string[]) {
  return remove(tx, tenantId, subjectId, tx`m.id = any (${plainArray(ids)}::uuid[]) and m.expires_at <= now()`)
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
