import type { ErasureStep } from '@memoric/contracts/privacy-contract.ts'
import type { ErasureId, TenantId } from '@memoric/contracts/ids.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import type { LogAnswer } from './ask-log.ts'
import type { ERASED_TABLES } from './erased-tables.ts'

export interface ErasureRow {
  readonly tenant_id: TenantId
  readonly id: ErasureId
  readonly subject_id: string
  readonly step: ErasureStep
  readonly keys_destroyed: number
  readonly counts: Readonly<Record<string, number>>
  readonly forgetting_id: string
  readonly processes: number | null
  readonly log_keys_destroyed: number | null
  readonly log_held: boolean
  readonly requested_by: string
  readonly requested_at: Date
  readonly finished_at: Date | null
  readonly receipt: string | null
}

function columns(tx: Tx) {
  return tx`tenant_id, id, subject_id, step, keys_destroyed, counts, forgetting_id, processes, log_keys_destroyed, log_held,
    requested_by, requested_at, finished_at, receipt`
}

/** Nobody makes a key for the subject, or begins another erasure of it, until the transaction ends. */
export function lockErasing(tx: Tx, { tenantId, subjectId }: SubjectPlace) {
  return tx`select pg_advisory_xact_lock(hashtextextended(${`${tenantId} ${subjectId}`}, 1))`
}

/** The last erasure of the subject that runs, or began within the last 24 hours; one that still deletes rows first. */
export function selectRecentErasure(tx: Tx, { tenantId, subjectId }: SubjectPlace) {
  return tx<ErasureRow[]>`
    select ${columns(tx)} from erasures
    where tenant_id = ${tenantId} and subject_id = ${subjectId}
      and (step <> 'done' or requested_at > now() - interval '24 hours')
    order by step = 'rows' desc, requested_at desc limit 1`
}

/** Waits for those who write for the subject; one row when there is such a subject. */
export function lockSubject(tx: Tx, { tenantId, subjectId }: SubjectPlace) {
  return tx<{ subject_id: string }[]>`
    select subject_id from subjects where tenant_id = ${tenantId} and subject_id = ${subjectId} for update`
}

interface DestroyedKeys {
  readonly keys: number
  readonly subjects: number
}

/** Destroys every version of the key. Without its row in `subjects` nobody can write for the subject. */
export function deleteKeys(tx: Tx, { tenantId, subjectId }: SubjectPlace) {
  return tx<DestroyedKeys[]>`
    with keys as (
      delete from subject_keys where tenant_id = ${tenantId} and subject_id = ${subjectId} returning 1
    ), subject as (
      delete from subjects where tenant_id = ${tenantId} and subject_id = ${subjectId} returning 1
    )
    select (select count(*)::int from keys) as keys, (select count(*)::int from subject) as subjects`
}

export interface NewErasure extends Pick<ErasureRow, 'id' | 'requested_by' | 'forgetting_id' | 'counts'> {
  readonly last_key_version: number
}

export function insertErasure(tx: Tx, { tenantId, subjectId }: SubjectPlace, erasure: NewErasure) {
  return tx<ErasureRow[]>`
    insert into erasures (tenant_id, id, subject_id, last_key_version, keys_destroyed, counts, forgetting_id, requested_by)
    values (${tenantId}, ${erasure.id}, ${subjectId}, ${erasure.last_key_version}, ${erasure.counts['subject_keys'] ?? 0},
      ${JSON.stringify(erasure.counts)}::text::jsonb, ${erasure.forgetting_id}, ${erasure.requested_by})
    returning ${columns(tx)}`
}

/** The version of the first key of a subject: above all that were destroyed. */
export function selectNextKeyVersion(tx: Tx, { tenantId, subjectId }: SubjectPlace) {
  return tx<{ version: number }[]>`
    select coalesce(max(last_key_version), 0) + 1 as version from erasures
    where tenant_id = ${tenantId} and subject_id = ${subjectId}`
}

export function selectErasure(tx: Tx, tenantId: string, id: string) {
  return tx<ErasureRow[]>`select ${columns(tx)} from erasures where tenant_id = ${tenantId} and id = ${id}`
}

/** What is to be gone on with, oldest first; in the system scope. */
export function selectRunningErasures(tx: Tx, max: number) {
  return tx<ErasureRow[]>`
    select ${columns(tx)} from erasures where step <> 'done' order by requested_at limit ${max}`
}

/** A request about several subjects belongs to each of them. */
function severalIn(tx: Tx, { subject_id }: ErasureRow, table: (typeof ERASED_TABLES)[number]) {
  return table === 'idempotency_keys' ? tx`or subject_ids @> array[${subject_id}::text]` : tx``
}

/** Deletes up to `max` rows of a table and counts them, in one statement; gives how many there were. */
export function deleteRows(tx: Tx, row: ErasureRow, table: (typeof ERASED_TABLES)[number], max: number) {
  return tx<{ gone: number }[]>`
    with gone as (
      delete from ${tx(table)} where ctid = any (array(
        select ctid from ${tx(table)} where tenant_id = ${row.tenant_id} and (subject_id = ${row.subject_id} ${severalIn(tx, row, table)})
        limit ${max}
      )) returning 1
    ), counted as (
      update erasures
      set counts = counts || jsonb_build_object(${table}::text,
        coalesce((counts ->> ${table}::text)::bigint, 0) + (select count(*) from gone))
      where tenant_id = ${row.tenant_id} and id = ${row.id} and exists (select from gone)
    )
    select count(*)::int as gone from gone`
}

/** Goes from a step to the next, unless another process was faster. */
export function goToStep(tx: Tx, { tenant_id, id }: ErasureRow, from: ErasureStep, to: ErasureStep) {
  return tx<{ id: string }[]>`
    update erasures set step = ${to} where tenant_id = ${tenant_id} and id = ${id} and step = ${from} returning id`
}

export function noteProcesses(tx: Tx, { tenant_id, id }: ErasureRow, processes: number) {
  return tx`
    update erasures set step = 'log', processes = ${processes}
    where tenant_id = ${tenant_id} and id = ${id} and step = 'processes'`
}

export function noteForgetting(tx: Tx, { tenant_id, id }: ErasureRow, forgettingId: string) {
  return tx`update erasures set forgetting_id = ${forgettingId} where tenant_id = ${tenant_id} and id = ${id}`
}

/** What the log answered; while it is held, none of its keys was destroyed. */
export function noteLogKeys(tx: Tx, { tenant_id, id }: ErasureRow, { keys, held }: LogAnswer) {
  return tx`
    update erasures set step = 'receipt', log_keys_destroyed = ${held ? 0 : keys}, log_held = ${held}
    where tenant_id = ${tenant_id} and id = ${id} and step = 'log'`
}

/** Erasures that wait for the end of a legal hold on the log, oldest first; in the system scope. */
export function selectHeldErasures(tx: Tx, max: number) {
  return tx<ErasureRow[]>`
    select ${columns(tx)} from erasures where log_held and step = 'done' order by requested_at limit ${max}`
}

/** Notes that the hold has ended; no row when somebody did before. */
export function noteHoldEnded(tx: Tx, { tenant_id, id }: ErasureRow, keys: number) {
  return tx<ErasureRow[]>`
    update erasures set log_held = false, log_keys_destroyed = ${keys}
    where tenant_id = ${tenant_id} and id = ${id} and log_held and step = 'done' returning ${columns(tx)}`
}

/** The erasure, if its receipt is still to be signed; locked. */
export function lockForReceipt(tx: Tx, { tenant_id, id }: ErasureRow) {
  return tx<ErasureRow[]>`
    select ${columns(tx)} from erasures
    where tenant_id = ${tenant_id} and id = ${id} and step = 'receipt' for update`
}

export function storeReceipt(tx: Tx, { tenant_id, id }: ErasureRow, receipt: string, finishedAt: Date) {
  return tx`
    update erasures set step = 'done', receipt = ${receipt}, finished_at = ${finishedAt}
    where tenant_id = ${tenant_id} and id = ${id}`
}
