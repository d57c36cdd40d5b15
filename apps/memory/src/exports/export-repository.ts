import type { ExportId, TenantId } from '@memoric/contracts/ids.ts'
import type { MemoryExport } from '@memoric/contracts/export-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'

export interface ExportRow {
  readonly tenant_id: TenantId
  readonly id: ExportId
  readonly subject_id: string | null
  readonly age_recipient: string | null
  readonly state: MemoryExport['state']
  readonly total: number | null
  readonly done: number
  readonly place: string | null
  readonly attempts: number
  readonly created_at: Date
  readonly made_at: Date | null
  readonly expires_at: Date | null
}

function columns(tx: Tx) {
  return tx`tenant_id, id, subject_id, age_recipient, state, total, done, place, attempts, created_at, made_at, expires_at`
}

export interface NewExport extends Pick<ExportRow, 'tenant_id' | 'id' | 'subject_id' | 'age_recipient'> {
  readonly requested_by: string
}

export function insertExport(tx: Tx, { tenant_id, id, subject_id, age_recipient, requested_by }: NewExport) {
  return tx<ExportRow[]>`
    insert into exports (tenant_id, id, subject_id, age_recipient, requested_by)
    values (${tenant_id}, ${id}, ${subject_id}, ${age_recipient}, ${requested_by})
    returning ${columns(tx)}`
}

/** How many exports of a tenant are being made; nobody else begins one until the transaction ends. */
export async function countRunningExports(tx: Tx, tenantId: string): Promise<number> {
  await tx`select pg_advisory_xact_lock(hashtextextended(${`exports ${tenantId}`}, 0))`
  const [row] = await tx<{ count: number }[]>`
    select count(*) as count from exports where tenant_id = ${tenantId} and state in ('waiting', 'running')`
  return row?.count ?? 0
}

/** When the first of the newest `max` exports of the same subject, or of the whole tenant, that are kept will go; no row for fewer. */
export function selectKeptUntil(tx: Tx, tenantId: string, subjectId: string | null, max: number) {
  return tx<{ seconds: number }[]>`
    select greatest(1, ceil(extract(epoch from expires_at - now())))::int as seconds from exports
    where tenant_id = ${tenantId} and subject_id is not distinct from ${subjectId}::text and state = 'made' and expires_at > now()
    order by expires_at desc offset ${max - 1} limit 1`
}

export function selectExport(tx: Tx, tenantId: string, id: string) {
  return tx<ExportRow[]>`select ${columns(tx)} from exports where tenant_id = ${tenantId} and id = ${id}`
}

/** Lines by kind of the finished subjects of an export. */
export function sumCounts(tx: Tx, tenantId: string, exportId: string) {
  return tx<{ kind: string; count: number }[]>`
    select c.key as kind, sum(c.value::bigint)::bigint as count
    from export_subjects s cross join lateral jsonb_each_text(s.counts) as c
    where s.tenant_id = ${tenantId} and s.export_id = ${exportId} group by c.key order by c.key`
}

/**
 * What nobody works on, in the system scope: that of tenants for whom least is being worked on first, of those whose last export was
 * made longest ago, and the oldest of theirs.
 */
export function selectOpenExports(tx: Tx, max: number) {
  return tx<ExportRow[]>`
    select ${columns(tx)} from exports as open
    where state in ('waiting', 'running') and (claimed_until is null or claimed_until < now())
    order by
      (select count(*) from exports as other
        where other.tenant_id = open.tenant_id and other.state = 'running' and other.claimed_until >= now()),
      (select max(other.made_at) from exports as other where other.tenant_id = open.tenant_id) nulls first,
      created_at
    limit ${max}`
}

/** Takes an export, unless another process was faster. */
export function claimExport(tx: Tx, { tenant_id, id }: ExportRow, claim: string, seconds: number) {
  return tx<ExportRow[]>`
    update exports set state = 'running', claim = ${claim}, attempts = attempts + 1,
      claimed_until = now() + make_interval(secs => ${seconds})
    where tenant_id = ${tenant_id} and id = ${id} and state in ('waiting', 'running')
      and (claimed_until is null or claimed_until < now())
    returning ${columns(tx)}`
}

/** An export and the claim by which it is ours. */
export interface Claimed extends ExportRow {
  readonly claim: string
}

/** Keeps the claim and notes progress; no row when it has been lost. */
export function renewClaim(tx: Tx, { tenant_id, id, claim }: Claimed, done: number, seconds: number) {
  return tx<{ id: string }[]>`
    update exports set done = ${done}, claimed_until = now() + make_interval(secs => ${seconds})
    where tenant_id = ${tenant_id} and id = ${id} and claim = ${claim} and state = 'running'
    returning id`
}

/** Gives an export back, for whoever comes after so many seconds. `forgiven` attempts do not count. */
export function releaseExport(tx: Tx, { tenant_id, id, claim }: Claimed, seconds: number, forgiven: number) {
  return tx`
    update exports set claim = null, attempts = attempts - ${forgiven},
      claimed_until = now() + make_interval(secs => ${seconds})
    where tenant_id = ${tenant_id} and id = ${id} and claim = ${claim} and state = 'running'`
}

export function noteTotal(tx: Tx, { tenant_id, id }: Claimed, total: number) {
  return tx`update exports set total = ${total} where tenant_id = ${tenant_id} and id = ${id}`
}

export function notePlace(tx: Tx, { tenant_id, id }: Claimed, subjectId: string) {
  return tx`
    update exports set place = ${subjectId}, attempts = 0 where tenant_id = ${tenant_id} and id = ${id}`
}

/** Ends the work on an export; one that failed is kept for no time. */
export function endExport(tx: Tx, { tenant_id, id, claim }: Claimed, state: 'made' | 'failed', hours: number) {
  return tx<ExportRow[]>`
    update exports set state = ${state}, claim = null, claimed_until = null,
      made_at = case when ${state} = 'made' then now() end,
      expires_at = now() + make_interval(hours => ${state === 'made' ? hours : 0})
    where tenant_id = ${tenant_id} and id = ${id} and claim = ${claim} and state = 'running'
    returning ${columns(tx)}`
}

/** What is to be removed, in the system scope. */
export function selectEndedExports(tx: Tx, max: number) {
  return tx<ExportRow[]>`
    select ${columns(tx)} from exports
    where not is_cleared and state in ('made', 'failed', 'expired') and expires_at <= now()
    order by expires_at limit ${max}`
}

/** Makes an export expire; no row when it has before. */
export function expireExport(tx: Tx, { tenant_id, id }: ExportRow) {
  return tx<ExportRow[]>`
    update exports set state = 'expired'
    where tenant_id = ${tenant_id} and id = ${id} and state = 'made' and expires_at <= now()
    returning ${columns(tx)}`
}

export function noteCleared(tx: Tx, { tenant_id, id }: ExportRow) {
  return tx`update exports set is_cleared = true where tenant_id = ${tenant_id} and id = ${id}`
}
