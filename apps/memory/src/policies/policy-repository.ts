import type { Tx } from '@memoric/postgres/lease.ts'

/** A stored version of the policy of a tenant. */
export interface PolicyRow {
  readonly tenant_id: string
  readonly version: number
  readonly written_at: Date
  readonly written_by: string
  readonly sealed: Buffer
}

/** The version that holds; no row for a tenant that has stored none. */
export function selectPolicy(tx: Tx, tenantId: string) {
  return tx<PolicyRow[]>`
    select tenant_id, version, written_at, written_by, sealed from policies
    where tenant_id = ${tenantId} order by version desc limit 1`
}

/** A row when something of the tenant stands behind a summary or a merged memory. */
export function selectAnySource(tx: Tx, tenantId: string) {
  return tx<{ id: string }[]>`
    select id from memories where tenant_id = ${tenantId} and summarised_by is not null limit 1`
}

/** Versions below `before`, newest first. */
export function selectPolicyVersions(tx: Tx, tenantId: string, before: number | null, limit: number) {
  return tx<PolicyRow[]>`
    select tenant_id, version, written_at, written_by, sealed from policies
    where tenant_id = ${tenantId} and (${before}::int is null or version < ${before})
    order by version desc limit ${limit}`
}

/** Lets one transaction at a time replace the policy of a tenant. */
export function lockPolicy(tx: Tx, tenantId: string) {
  return tx`select pg_advisory_xact_lock(hashtextextended(${`policies ${tenantId}`}, 0))`
}

export function insertPolicy(tx: Tx, { tenant_id, version, written_by, sealed }: Omit<PolicyRow, 'written_at'>) {
  return tx<PolicyRow[]>`
    insert into policies (tenant_id, version, written_by, sealed)
    values (${tenant_id}, ${version}, ${written_by}, ${sealed})
    returning tenant_id, version, written_at, written_by, sealed`
}

/** Has runs begin by themselves every so many hours, the first one after that time; null for never. */
export function writeSchedule(tx: Tx, tenantId: string, everyHours: number | null) {
  if (everyHours === null) return tx`delete from policy_schedules where tenant_id = ${tenantId}`
  return tx`
    insert into policy_schedules (tenant_id, every_hours, next_run_at)
    values (${tenantId}, ${everyHours}, now() + make_interval(hours => ${everyHours}))
    on conflict (tenant_id) do update set every_hours = excluded.every_hours,
      next_run_at = least(policy_schedules.next_run_at, excluded.next_run_at)`
}
