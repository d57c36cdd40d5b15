import type { PolicyRunId, TenantId } from '@memoric/contracts/ids.ts'
import type { ConsolidationPeriod, PolicyReport } from '@memoric/contracts/policy-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'

export interface PolicyRunRow {
  readonly tenant_id: TenantId
  readonly id: PolicyRunId
  readonly subject_id: string | null
  readonly policy_version: number
  /** Of a consolidation that somebody asked for; null for a run of the policy. */
  readonly period: ConsolidationPeriod | null
  readonly state: 'waiting' | 'running' | 'done' | 'failed'
  readonly consent_required: boolean
  readonly requested_by: string
  readonly total: number
  readonly looked_at: number
  readonly place_subject: string | null
  readonly place_memory: string | null
  readonly report: Partial<PolicyReport>
  readonly attempts: number
  readonly created_at: Date
  readonly finished_at: Date | null
}

function columns(tx: Tx) {
  return tx`tenant_id, id, subject_id, policy_version, period, state, consent_required, requested_by, total, looked_at, place_subject,
    place_memory, report, attempts, created_at, finished_at`
}

export type NewRun = Pick<
  PolicyRunRow,
  'tenant_id' | 'id' | 'subject_id' | 'policy_version' | 'period' | 'consent_required' | 'requested_by'
>

/** Begins a run. Throws a unique violation while another one of the tenant and of its kind is not finished. */
export function insertRun(tx: Tx, run: NewRun) {
  const { tenant_id, id, subject_id, policy_version, period, consent_required, requested_by } = run
  return tx<PolicyRunRow[]>`
    insert into policy_runs (tenant_id, id, subject_id, policy_version, period, consent_required, requested_by, total)
    select ${tenant_id}, ${id}, ${subject_id}, ${policy_version}, ${period}, ${consent_required}, ${requested_by},
      coalesce(sum(memories), 0)
    from subjects where tenant_id = ${tenant_id} and (${subject_id}::text is null or subject_id = ${subject_id})
    returning ${columns(tx)}`
}

export function selectRun(tx: Tx, tenantId: string, id: string) {
  return tx<PolicyRunRow[]>`select ${columns(tx)} from policy_runs where tenant_id = ${tenantId} and id = ${id}`
}

/** The run of the policy of the tenant that is not finished, if there is one. */
export function selectUnfinishedRun(tx: Tx, tenantId: string) {
  return tx<PolicyRunRow[]>`
    select ${columns(tx)} from policy_runs where tenant_id = ${tenantId} and period is null
      and state in ('waiting', 'running')`
}

/** What runs are: of the policy, or consolidations that somebody asked for. */
export type RunKind = 'policy' | 'consolidation'

/** Newest first: ids ascend with time. */
export function selectRuns(tx: Tx, tenantId: string, kind: RunKind, before: string | null, limit: number) {
  return tx<PolicyRunRow[]>`
    select ${columns(tx)} from policy_runs
    where tenant_id = ${tenantId} and (period is null) = ${kind === 'policy'}
      and (${before}::uuid is null or id < ${before})
    order by id desc limit ${limit}`
}

/** What nobody works on, oldest first; in the system scope. */
export function selectOpenRuns(tx: Tx, max: number) {
  return tx<PolicyRunRow[]>`
    select ${columns(tx)} from policy_runs
    where state in ('waiting', 'running') and (claimed_until is null or claimed_until < now())
    order by created_at limit ${max}`
}

/** Takes a run, unless another process was faster. */
export function claimRun(tx: Tx, { tenant_id, id }: PolicyRunRow, claim: string, version: number, seconds: number) {
  return tx<PolicyRunRow[]>`
    update policy_runs set state = 'running', claim = ${claim}, attempts = attempts + 1, policy_version = ${version},
      claimed_until = now() + make_interval(secs => ${seconds})
    where tenant_id = ${tenant_id} and id = ${id} and state in ('waiting', 'running')
      and (claimed_until is null or claimed_until < now())
    returning ${columns(tx)}`
}

/** A run and the claim by which it is ours. */
export interface ClaimedRun extends PolicyRunRow {
  readonly claim: string
}

export interface RunProgress {
  readonly placeSubject: string | null
  readonly placeMemory: string | null
  readonly lookedAt: number
  readonly report: PolicyReport
}

/** Keeps the claim and notes how far the run is; no row when the claim has been lost. */
export function noteProgress(tx: Tx, { tenant_id, id, claim }: ClaimedRun, progress: RunProgress, seconds: number) {
  return tx<{ id: string }[]>`
    update policy_runs set place_subject = ${progress.placeSubject}, place_memory = ${progress.placeMemory}::uuid,
      looked_at = ${progress.lookedAt}, report = ${JSON.stringify(progress.report)}::text::jsonb, attempts = 0,
      claimed_until = now() + make_interval(secs => ${seconds})
    where tenant_id = ${tenant_id} and id = ${id} and claim = ${claim} and state = 'running'
    returning id`
}

/** Gives a run back, for whoever comes after so many seconds. */
export function releaseRun(tx: Tx, { tenant_id, id, claim }: ClaimedRun, seconds: number) {
  return tx`
    update policy_runs set claim = null, claimed_until = now() + make_interval(secs => ${seconds})
    where tenant_id = ${tenant_id} and id = ${id} and claim = ${claim} and state = 'running'`
}

export function endRun(tx: Tx, { tenant_id, id, claim }: ClaimedRun, state: 'done' | 'failed', report: PolicyReport) {
  return tx<PolicyRunRow[]>`
    update policy_runs set state = ${state}, claim = null, claimed_until = null, finished_at = now(), place_subject = null,
      place_memory = null, report = ${JSON.stringify(report)}::text::jsonb
    where tenant_id = ${tenant_id} and id = ${id} and claim = ${claim} and state = 'running'
    returning ${columns(tx)}`
}

/** Tenants whose policy is to be carried out now; in the system scope. */
export function selectDueTenants(tx: Tx, max: number) {
  return tx<{ tenant_id: TenantId }[]>`
    select tenant_id from policy_schedules where next_run_at <= now() order by next_run_at limit ${max}`
}

/** Sets the next time; no row when another process was faster. */
export function advanceSchedule(tx: Tx, tenantId: string) {
  return tx<{ tenant_id: string }[]>`
    update policy_schedules set next_run_at = now() + make_interval(hours => every_hours)
    where tenant_id = ${tenantId} and next_run_at <= now() returning tenant_id`
}

/** Removes finished runs beyond the newest `kept`. */
export function dropOldRuns(tx: Tx, tenantId: string, kept: number) {
  return tx`
    delete from policy_runs where tenant_id = ${tenantId} and state in ('done', 'failed') and id < (
      select id from policy_runs where tenant_id = ${tenantId} order by id desc offset ${kept} limit 1
    )`
}
