import type { MemoryId } from '@memoric/contracts/ids.ts'
import type { Tier } from '@memoric/contracts/memory-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { recordOf } from '../memories/record-of.ts'
import type { RankingPolicy } from '../search/ranking-policy.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import type { JudgedMemory } from './judge-memory.ts'

/** A memory as a policy looks at it: without what is sealed. */
export interface PageRow extends JudgedMemory {
  readonly id: MemoryId
  readonly namespace: string
  readonly thread_id: string | null
  readonly summarised_by: string | null
  /** Sealed bytes. */
  readonly size: number
  /** It belongs to something else, which says what becomes of it. */
  readonly is_guarded: boolean
}

const NOBODY = '00000000-0000-0000-0000-000000000000'

/** Live memories of a subject after `after`, by their ids. */
export function selectPolicyPage(tx: Tx, { tenantId, subjectId }: SubjectPlace, after: string | null, limit: number) {
  return tx<PageRow[]>`
    select m.id, m.tier, m.namespace, m.thread_id, m.importance, m.seen_count, coalesce(u.recalls, 0)::bigint as recalls, m.occurred_at,
      m.created_at, m.expires_at, m.summarised_by, octet_length(m.sealed) as size, ${isGuarded(tx)} as is_guarded
    from memories m left join memory_uses u on u.tenant_id = m.tenant_id and u.memory_id = m.id
    where m.tenant_id = ${tenantId} and m.subject_id = ${subjectId} and m.id > ${after ?? NOBODY}
      and (m.expires_at is null or m.expires_at > now())
    order by m.id limit ${limit}`
}

/** The memory of a handoff, a note or a task says what that says: a policy leaves it as it is. */
export function isGuarded(tx: Tx) {
  return tx`(${recordOf(tx, tx`m.tenant_id`, tx`m.id`)} is not null)`
}

/** A memory and the tier that it goes to. */
export interface Move {
  readonly id: string
  readonly to: Tier
  readonly losesExpiry: boolean
}

/** Moves memories of a locked subject. Neither their version nor any of their times changes. */
export function moveMemories(tx: Tx, { tenantId, subjectId }: SubjectPlace, moves: readonly Move[]) {
  return tx`
    with moved as (
      select * from unnest(
        ${moves.map(({ id }) => id)}::uuid[], ${moves.map(({ to }) => to)}::text[],
        ${moves.map(({ losesExpiry }) => (losesExpiry ? 1 : 0))}::int[]
      ) with ordinality as t (id, tier, loses_expiry, nth)
    ), counter as (
      update subjects set last_change = last_change + ${moves.length}
      where tenant_id = ${tenantId} and subject_id = ${subjectId}
      returning last_change - ${moves.length} as change
    )
    update memories m set tier = moved.tier, change = counter.change + moved.nth,
      expires_at = case when moved.loses_expiry = 1 then null else m.expires_at end
    from moved, counter
    where m.tenant_id = ${tenantId} and m.id = moved.id and m.id = any (${moves.map(({ id }) => id)}::uuid[])`
}

export interface TierCount {
  readonly tier: Tier
  readonly memories: number
}

export function countTiers(tx: Tx, { tenantId, subjectId }: SubjectPlace) {
  return tx<TierCount[]>`
    select m.tier, count(*) as memories from memories m
    where m.tenant_id = ${tenantId} and m.subject_id = ${subjectId} and (m.expires_at is null or m.expires_at > now())
    group by m.tier`
}

/** The memories of a tier that go first, with the end of their time. */
export function selectVictims(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  tier: Tier,
  order: 'lru' | 'lowest_score' | 'weakest',
  ranking: RankingPolicy,
  limit: number,
) {
  return tx<PageRow[]>`
    select m.id, m.tier, m.namespace, m.thread_id, m.importance, m.seen_count, coalesce(u.recalls, 0)::bigint as recalls, m.occurred_at,
      m.created_at, m.expires_at, m.summarised_by, octet_length(m.sealed) as size, false as is_guarded
    from memories m left join memory_uses u on u.tenant_id = m.tenant_id and u.memory_id = m.id
    where m.tenant_id = ${tenantId} and m.subject_id = ${subjectId} and m.tier = ${tier}
      and (m.expires_at is null or m.expires_at > now()) and not ${isGuarded(tx)}
    order by ${orderOf(tx, order, ranking)}, m.id
    limit ${limit}`
}

function orderOf(tx: Tx, order: 'lru' | 'lowest_score' | 'weakest', ranking: RankingPolicy) {
  if (order === 'lru') return tx`coalesce(u.last_recalled_at, m.created_at)`
  return order === 'weakest' ? weakness(tx) : score(tx, ranking)
}

/** The same order as that of strengthOf: by half-lives since the last use, most first. */
function weakness(tx: Tx) {
  const unused = tx`greatest(0, extract(epoch from now() - greatest(m.occurred_at, u.last_recalled_at))::float8)`
  return tx`${unused} / (least(100, m.seen_count + coalesce(u.recalls, 0)) * (0.5 + m.importance)) desc`
}

/** The same as scoreOf, but for what divides every score alike. */
function score(tx: Tx, { weights, halfLifeDays }: RankingPolicy) {
  const halfLives = tx`greatest(0, extract(epoch from now() - m.occurred_at)::float8) / ${halfLifeDays * 86_400}::float8`
  return tx`${weights.recency}::float8 * exp(greatest(-700, ${halfLives} * ln(0.5::float8)))
    + ${weights.importance}::float8 * m.importance + ${weights.reinforcement}::float8 * (1 - 1.0::float8 / m.seen_count)`
}

/** Replaced versions that the policy does not keep any more: up to `limit` of them go. */
export function dropVersions(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  { keepVersions, keepDays }: VersionLimits,
  limit: number,
) {
  return tx<{ versions: number; size: number }[]>`
    with gone as (
      delete from memory_versions where (tenant_id, memory_id, version) in (
        select tenant_id, memory_id, version from (${surplus(tx, { tenantId, subjectId }, keepVersions)}) as v
        where (${keepVersions}::int is not null and newer >= ${keepVersions})
          or (${keepDays}::float8 is not null and replaced_at < now() - ${keepDays}::float8 * interval '1 day')
        limit ${limit}
      ) returning octet_length(sealed) as size
    ), counter as (
      update subjects set bytes = bytes - (select coalesce(sum(size), 0) from gone)
      where tenant_id = ${tenantId} and subject_id = ${subjectId} and exists (select from gone)
    )
    select count(*)::int as versions, coalesce(sum(size), 0)::bigint as size from gone`
}

export interface VersionLimits {
  readonly keepVersions: number | null
  readonly keepDays: number | null
}

export function countSurplusVersions(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  { keepVersions, keepDays }: VersionLimits,
) {
  return tx<{ versions: number }[]>`
    select count(*)::int as versions from (${surplus(tx, { tenantId, subjectId }, keepVersions)}) as v
    where (${keepVersions}::int is not null and newer >= ${keepVersions})
      or (${keepDays}::float8 is not null and replaced_at < now() - ${keepDays}::float8 * interval '1 day')`
}

/** The replaced versions of a subject, and how many of the same memory are newer; the memories of handoffs, notes and tasks keep theirs. */
function surplus(tx: Tx, { tenantId, subjectId }: SubjectPlace, keepVersions: number | null) {
  const newer =
    keepVersions === null ? tx`0` : tx`row_number() over (partition by m.memory_id order by m.version desc) - 1`
  return tx`
    select m.tenant_id, m.memory_id, m.version, m.replaced_at, ${newer} as newer from memory_versions m
    where m.tenant_id = ${tenantId} and m.subject_id = ${subjectId}
      and ${recordOf(tx, tx`m.tenant_id`, tx`m.memory_id`)} is null`
}
