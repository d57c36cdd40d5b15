import type { TenantId } from '@memoric/contracts/ids.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

/** Has every process forget a subject; in the transaction of what makes that necessary. */
export function insertForgetting(tx: Tx, { tenantId, subjectId }: SubjectPlace, id: string) {
  return tx`insert into forgettings (tenant_id, id, subject_id) values (${tenantId}, ${id}, ${subjectId})`
}

/** The process `id` runs; in the system scope, as everything below. */
export function noteAlive(tx: Tx, id: string) {
  return tx`insert into processes (id) values (${id}) on conflict (id) do update set seen_at = now()`
}

export function deleteProcess(tx: Tx, id: string) {
  return tx`delete from processes where id = ${id}`
}

export interface ForgettingRow {
  readonly tenant_id: TenantId
  readonly id: string
  readonly subject_id: string
}

/** What a process has not confirmed yet. */
export function selectUnconfirmed(tx: Tx, processId: string) {
  return tx<ForgettingRow[]>`
    select tenant_id, id, subject_id from forgettings where not confirmed @> array[${processId}::uuid]`
}

export function confirmForgettings(tx: Tx, processId: string, ids: readonly string[]) {
  return tx`
    update forgettings set confirmed = array_append(confirmed, ${processId})
    where id = any (${[...ids]}::uuid[]) and not confirmed @> array[${processId}::uuid]`
}

export interface ForgettingState {
  readonly confirmed: number
  /** Processes that were seen within the last `leaseMs` and have not confirmed. */
  readonly missing: number
}

/** No row when it is a day old and gone. */
export function selectForgettingState(tx: Tx, tenantId: string, id: string, leaseMs: number) {
  return tx<ForgettingState[]>`
    select cardinality(f.confirmed) as confirmed, (
      select count(*)::int from processes p
      where p.seen_at > now() - make_interval(secs => ${leaseMs / 1000}) and not f.confirmed @> array[p.id]
    ) as missing
    from forgettings f where f.tenant_id = ${tenantId} and f.id = ${id}`
}

/** Processes that ended without a word, and forgettings that every living one has confirmed long ago. */
export function deleteOutdated(tx: Tx) {
  return tx`
    with ended as (delete from processes where seen_at < now() - interval '1 hour')
    delete from forgettings where created_at < now() - interval '1 day'`
}
