import { CONSOLIDATION_PERIODS, type ConsolidationPeriod } from '@memoric/contracts/policy-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

/** How far the periods of a subject are consolidated. */
export interface StateRow {
  readonly period: ConsolidationPeriod
  /** The change of the subject up to which memories were looked at. */
  readonly change: number
  /** The day before which every period was looked at. */
  readonly through: string
  readonly withdrawals: number
}

export function selectStates(tx: Tx, { tenantId, subjectId }: SubjectPlace) {
  return tx<StateRow[]>`
    select period, change, to_char(through, 'YYYY-MM-DD') as through, withdrawals from consolidation_states
    where tenant_id = ${tenantId} and subject_id = ${subjectId}`
}

/** Notes how far a period is; what was withdrawn since the state was read stays to be looked at. */
export function upsertState(tx: Tx, { tenantId, subjectId }: SubjectPlace, next: StateRow) {
  return tx`
    insert into consolidation_states as s (tenant_id, subject_id, period, change, through, withdrawals)
    values (${tenantId}, ${subjectId}, ${next.period}, ${next.change}, ${next.through}, ${next.withdrawals})
    on conflict (tenant_id, subject_id, period) do update set change = greatest(s.change, excluded.change),
      through = case when s.withdrawals = excluded.withdrawals then excluded.through else s.through end`
}

/** Has the next consolidation look at everything from a day on, and one that goes on now leave that to the next. */
export function lookAgainFrom(tx: Tx, { tenantId, subjectId }: SubjectPlace, day: string) {
  return tx`
    insert into consolidation_states as s (tenant_id, subject_id, period, change, through, withdrawals)
    select ${tenantId}, ${subjectId}, period, 0, ${day}::date, 1
    from unnest(${[...CONSOLIDATION_PERIODS]}::text[]) as t (period)
    on conflict (tenant_id, subject_id, period) do update
    set through = least(s.through, excluded.through), withdrawals = s.withdrawals + 1`
}

/** A memory that tells what happened. */
export interface HappenedRow {
  readonly id: string
  readonly day: string
  readonly change: number
}

/** How far a subject is. */
export function selectLastChange(tx: Tx, { tenantId, subjectId }: SubjectPlace) {
  return tx<{ last_change: number }[]>`
    select last_change from subjects where tenant_id = ${tenantId} and subject_id = ${subjectId}`
}

/** What happened before a day, in its order: memories that are told and were not made by a consolidation, and no notes or tasks. */
export function selectHappened(tx: Tx, { tenantId, subjectId }: SubjectPlace, before: string) {
  return tx<HappenedRow[]>`
    select m.id, to_char(m.occurred_at at time zone 'UTC', 'YYYY-MM-DD') as day, m.change from memories m
    where m.tenant_id = ${tenantId} and m.subject_id = ${subjectId} and m.standing > 0
      and m.occurred_at < (${before}::date)::timestamp at time zone 'UTC'
      and (m.expires_at is null or m.expires_at > now())
      and not exists (select from reflections r where r.tenant_id = m.tenant_id and r.id = m.id)
      and not exists (select from notes n where n.tenant_id = m.tenant_id and n.id = m.id)
      and not exists (select from tasks t where t.tenant_id = m.tenant_id and t.id = m.id)
    order by m.occurred_at, m.id`
}
