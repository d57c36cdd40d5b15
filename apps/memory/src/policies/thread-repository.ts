import type { Tier } from '@memoric/contracts/memory-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { PolicyDocument } from '@memoric/contracts/policy-contract.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { isGuarded } from './page-repository.ts'

/** The memories of a thread in a tier that no summary stands for, in the order of time. */
export interface FullThread {
  readonly memory_ids: readonly string[]
}

export interface ThreadLimits {
  readonly olderThanDays: number
  readonly minMemories: number
  readonly ageFrom: PolicyDocument['age_from']
}

/** Threads of the tier with so many memories that may be summarised. Summaries themselves may not. */
export function selectFullThreads(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  tier: Tier,
  { olderThanDays, minMemories, ageFrom }: ThreadLimits,
) {
  return tx<FullThread[]>`
    with summary as (
      select distinct summarised_by as id from memories
      where tenant_id = ${tenantId} and subject_id = ${subjectId} and summarised_by is not null
    )
    select array_agg(m.id order by m.occurred_at, m.id) as memory_ids from memories m
    where m.tenant_id = ${tenantId} and m.subject_id = ${subjectId} and m.tier = ${tier} and m.summarised_by is null
      and m.thread_id is not null and m.standing > 0 and (m.expires_at is null or m.expires_at > now()) and not ${isGuarded(tx)}
      and m.${tx(ageFrom)} <= now() - ${olderThanDays}::float8 * interval '1 day'
      and m.id not in (select id from summary)
    group by m.namespace, m.thread_id having count(*) >= ${minMemories}
    order by m.namespace, m.thread_id`
}
