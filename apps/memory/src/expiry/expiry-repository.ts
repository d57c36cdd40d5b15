import type { TenantId } from '@memoric/contracts/ids.ts'
import type { Tx } from '@memoric/postgres/lease.ts'

/** A memory whose time is over. */
export interface DueMemory {
  readonly tenant_id: TenantId
  readonly subject_id: string
  readonly id: string
}

/** Up to `max` memories whose time is over, those that ended first; in the system scope. */
export function selectDue(tx: Tx, max: number) {
  return tx<DueMemory[]>`
    select tenant_id, subject_id, id from memories where expires_at <= now() order by expires_at limit ${max}`
}

/** How many memories wait to be removed, `max` at most; in the system scope. */
export function countDue(tx: Tx, max: number) {
  return tx<{ count: number }[]>`
    select count(*) from (select from memories where expires_at <= now() limit ${max}) as due`
}

/** Locks a subject, if it is there; `isPatient` waits for whoever holds it, otherwise there is no row then. */
export function lockSubject(tx: Tx, tenantId: string, subjectId: string, isPatient: boolean) {
  return tx<{ key_version: number }[]>`
    select key_version from subjects
    where tenant_id = ${tenantId} and subject_id = ${subjectId}
    for update ${isPatient ? tx`` : tx`skip locked`}`
}
