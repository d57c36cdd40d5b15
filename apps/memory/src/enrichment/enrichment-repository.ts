import type { TenantId } from '@memoric/contracts/ids.ts'
import { byteaArray } from '@memoric/postgres/array-parameter.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { MemoryRow } from '../memories/memory-row.ts'
import type { Amount } from '../quotas/quota-rules.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

/** Turns enrichment on or off for a tenant, in the transaction of its policy. */
export function writeEnrichment(tx: Tx, tenantId: string, isOn: boolean, consentRequired: boolean) {
  if (!isOn) return tx`delete from enrichment_tenants where tenant_id = ${tenantId}`
  return tx`
    insert into enrichment_tenants (tenant_id, consent_required) values (${tenantId}, ${consentRequired})
    on conflict (tenant_id) do update set consent_required = excluded.consent_required`
}

/** Tenants of which memories are enriched; in the system scope. */
export function selectEnrichedTenants(tx: Tx) {
  return tx<{ tenant_id: TenantId }[]>`select tenant_id from enrichment_tenants`
}

export interface WaitingSubject {
  readonly tenant_id: TenantId
  readonly subject_id: string
}

/** Subjects of all tenants whose changes were not looked at and that nobody is at, those that changed first; in the system scope. */
export function selectWaiting(tx: Tx, limit: number) {
  return tx<WaitingSubject[]>`
    select s.tenant_id, s.subject_id ${waiting(tx)} and coalesce(p.leased_until, '-infinity') <= now()
    order by s.changed_at limit ${limit}`
}

/** How many changes of memories were not looked at yet; in the system scope. */
export function countWaiting(tx: Tx) {
  return tx<{ changes: number }[]>`
    select coalesce(sum(s.last_change - coalesce(p.change, 0)), 0)::bigint as changes ${waiting(tx)}`
}

function waiting(tx: Tx) {
  return tx`
    from enrichment_tenants e join subjects s on s.tenant_id = e.tenant_id
      left join enrichment_progress p on p.tenant_id = s.tenant_id and p.subject_id = s.subject_id
    where s.last_change > coalesce(p.change, 0) and s.changed_at >= e.since and ${mayBeRead(tx)}`
}

/** Whether the consent of a subject `s` allows it, by what the tenant `e` requires. */
function mayBeRead(tx: Tx) {
  return tx`not s.stopped and (not e.consent_required or s.consent_until > now())`
}

/** A process has the subject for itself until the lease ends. */
export interface EnrichmentLease {
  readonly lease: string
  readonly seconds: number
}

export interface ClaimedSubject {
  readonly change: number
  /** Memories that were made before have nothing that waits. */
  readonly since: Date
  readonly consent_required: boolean
}

/**
 * Takes a subject of which changes were not looked at; no row when there are none, another process is at it, its consent does not
 * allow it, or its tenant has turned enrichment off. Whoever has the lease takes it again for each step.
 */
export function claimSubject(tx: Tx, { tenantId, subjectId }: SubjectPlace, { lease, seconds }: EnrichmentLease) {
  return tx<ClaimedSubject[]>`
    with waiting as (
      select s.tenant_id, s.subject_id, s.last_change, e.since, e.consent_required
      from subjects s join enrichment_tenants e on e.tenant_id = s.tenant_id
      where s.tenant_id = ${tenantId} and s.subject_id = ${subjectId} and ${mayBeRead(tx)}
      for key share of s
    )
    insert into enrichment_progress as p (tenant_id, subject_id, lease, leased_until)
    select tenant_id, subject_id, ${lease}, now() + make_interval(secs => ${seconds}) from waiting
    where last_change > 0
    on conflict (tenant_id, subject_id) do update set lease = excluded.lease, leased_until = excluded.leased_until
    where (p.leased_until <= now() or p.lease = excluded.lease) and p.change < (select last_change from waiting)
    returning p.change, (select since from waiting) as since, (select consent_required from waiting) as consent_required`
}

/** Notes how far a subject is; no row when somebody else has it now, or it was erased. */
export function advanceSubject(tx: Tx, { tenantId, subjectId }: SubjectPlace, { lease }: EnrichmentLease, to: number) {
  return tx<{ change: number }[]>`
    update enrichment_progress set change = ${to}
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and lease = ${lease}
    returning change`
}

/** Ends a lease before its time. */
export function releaseSubject(tx: Tx, { tenantId, subjectId }: SubjectPlace, { lease }: EnrichmentLease) {
  return tx`
    update enrichment_progress set lease = null, leased_until = '-infinity'
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and lease = ${lease}`
}

type EnrichedColumns = 'id' | 'version' | 'importance' | 'change' | 'sealed'

/** A memory that may wait; a row without `id` stands for none. */
export type EnrichmentRow = { readonly last_change: number } & (
  Pick<MemoryRow, EnrichedColumns> | { readonly id: null }
)

/** Live memories that changed after the change `after` and were made since `since`, give or take the clocks, in the order of their changes. */
export function selectRecent(tx: Tx, { tenantId, subjectId }: SubjectPlace, after: number, since: Date, limit: number) {
  return tx<EnrichmentRow[]>`
    select s.last_change, m.id, m.version, m.importance, m.change, m.sealed
    from subjects s left join lateral (
      select id, version, importance, change, sealed from memories
      where tenant_id = ${tenantId} and subject_id = ${subjectId} and change > ${after} and standing > 0
        and created_at >= ${since}::timestamptz - interval '1 hour' and (expires_at is null or expires_at > now())
      order by change limit ${limit}
    ) as m on true
    where s.tenant_id = ${tenantId} and s.subject_id = ${subjectId}
    order by m.change`
}

/** Those of these memories that are live and believed, of a subject that is locked, with how far that is. */
export function selectCurrent(tx: Tx, { tenantId, subjectId }: SubjectPlace, ids: readonly string[]) {
  return tx<EnrichmentRow[]>`
    select s.last_change, m.id, m.version, m.importance, m.change, m.sealed
    from subjects s left join memories m on m.tenant_id = s.tenant_id and m.subject_id = s.subject_id
      and m.id = any (${[...ids]}::uuid[]) and m.standing > 0 and (m.expires_at is null or m.expires_at > now())
    where s.tenant_id = ${tenantId} and s.subject_id = ${subjectId}`
}

/** A memory of a locked subject with its derived values, in the place of the same version without them. */
export interface EnrichedMemory {
  readonly id: string
  readonly importance: number
  readonly sealed: Buffer
}

/** Writes them: neither their version nor any of their times changes. Throws OVER_QUOTA when the subject would have more than `limits`. */
export function writeEnriched(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  memories: readonly EnrichedMemory[],
  bytes: number,
  limits: Amount,
) {
  const ids = memories.map(({ id }) => id)
  return tx`
    with enriched as (
      select * from unnest(
        ${ids}::uuid[], ${memories.map(({ importance }) => importance)}::real[],
        ${byteaArray(memories.map(({ sealed }) => sealed))}::bytea[]
      ) with ordinality as t (id, importance, sealed, nth)
    ), counter as (
      update subjects s set last_change = last_change + ${memories.length}, bytes = s.bytes + ${bytes}
      where tenant_id = ${tenantId} and subject_id = ${subjectId}
      returning last_change - ${memories.length} as change,
        case when s.bytes > ${limits.bytes} then memoric.refuse_over_quota('subject.bytes') else true end as is_within
    )
    update memories m set importance = enriched.importance, sealed = enriched.sealed, change = counter.change + enriched.nth
    from enriched, counter
    where m.tenant_id = ${tenantId} and m.id = enriched.id and m.id = any (${ids}::uuid[])`
}

/** Counts questions to a model, and gives how many of `wanted` the tenant has left for today. */
export function reserveQuestions(tx: Tx, tenantId: string, wanted: number, perDay: number) {
  return tx<{ granted: number }[]>`
    with today as (
      select case when questions_on = (now() at time zone 'utc')::date then questions else 0 end as asked
      from enrichment_tenants where tenant_id = ${tenantId} for update
    )
    update enrichment_tenants set questions_on = (now() at time zone 'utc')::date,
      questions = asked + greatest(0, least(${wanted}, ${perDay} - asked))
    from today where tenant_id = ${tenantId}
    returning questions - asked as granted`
}
