import type { Tier } from '@memoric/contracts/memory-contract.ts'
import { timestampArray } from '@memoric/postgres/array-parameter.ts'
import type { Tx } from '@memoric/postgres/lease.ts'

/** What is counted of a tier. */
export interface TierRow {
  readonly tier: Tier
  readonly memories: number
  readonly subjects: number
  readonly bytes: number
  readonly oldest_at: Date
  readonly newest_at: Date
  readonly median_at: Date
  /** Seconds since the epoch. */
  readonly average_at: number
  readonly forgotten: number
  readonly leaving: number
  /** Of the subject that has most. */
  readonly most: number
  readonly over_capacity: number
}

/** Whom and what is counted. */
export interface TierQuery {
  readonly subjectId: string | undefined
  readonly namespace: string | undefined
  readonly ageFrom: 'occurred_at' | 'created_at'
  readonly now: Date
  /** What ends before this is soon. */
  readonly soon: Date
}

/** What a policy says of a tier. */
export interface TierLimits {
  readonly tier: Tier
  /** What is older has the age to leave soon; null for none. */
  readonly leavesBefore: Date | null
  readonly capacity: number | null
}

/** Counts live memories by tier; tiers without any have no row. */
export function selectTiers(tx: Tx, tenantId: string, query: TierQuery, limits: readonly TierLimits[]) {
  const { subjectId, namespace, now, soon } = query
  const age = query.ageFrom === 'created_at' ? tx`m.created_at` : tx`m.occurred_at`
  return tx<TierRow[]>`
    with asked as (
      select * from unnest(
        ${limits.map(({ tier }) => tier)}::text[],
        ${timestampArray(limits.map(({ leavesBefore }) => leavesBefore))}::timestamptz[],
        ${limits.map(({ capacity }) => capacity)}::bigint[]
      ) as t (tier, leaves_before, capacity)
    ), counted as (
      select m.tier, m.subject_id, ${age} as age_from, m.expires_at, octet_length(m.sealed) as size,
        ${age} <= asked.leaves_before as leaves, asked.capacity
      from memories m left join asked on asked.tier = m.tier
      where m.tenant_id = ${tenantId} and (m.expires_at is null or m.expires_at > ${now})
        ${subjectId === undefined ? tx`` : tx`and m.subject_id = ${subjectId}`}
        ${namespace === undefined ? tx`` : tx`and m.namespace = ${namespace}`}
    ), by_subject as (
      select tier, subject_id, count(*) as memories, greatest(count(*) - min(capacity), 0) as above
      from counted group by tier, subject_id
    ), fullest as (
      select tier, count(*)::int as subjects, max(memories)::int as most, coalesce(sum(above), 0)::int as over_capacity
      from by_subject group by tier
    )
    select c.tier, count(*)::int as memories, f.subjects, sum(c.size)::bigint as bytes,
      min(c.age_from) as oldest_at, max(c.age_from) as newest_at,
      percentile_disc(0.5) within group (order by c.age_from) as median_at,
      avg(extract(epoch from c.age_from))::float8 as average_at,
      count(*) filter (where c.expires_at <= ${soon})::int as forgotten,
      count(*) filter (where c.leaves)::int as leaving, f.most, f.over_capacity
    from counted c join fullest f on f.tier = c.tier
    group by c.tier, f.subjects, f.most, f.over_capacity`
}
