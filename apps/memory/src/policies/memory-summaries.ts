import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { type RemovedRow, removeMemories } from '../memories/memory-removal-repository.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { withdrawReflections } from '../consolidations/withdraw-reflections.ts'

/**
 * What a summary was made of has been changed or removed: the summary would go on telling it, so it goes, too, and the rest of its
 * sources stand for themselves again; reflections go as well, and so does whatever was made of what goes. The subject is locked. Gives
 * what went, which has to leave the segments.
 */
export async function withdrawSummaries(
  tx: Tx,
  deps: Pick<MemoryDeps, 'events'>,
  context: RequestContext,
  place: SubjectPlace,
  touched: readonly Pick<RemovedRow, 'id' | 'summarised_by'>[],
): Promise<readonly RemovedRow[]> {
  const gone: RemovedRow[] = []
  for (let some = touched; some.length > 0;) {
    const ids = some.map(({ id }) => id)
    const reflections = await withdrawReflections(tx, deps, context, place, ids)
    const summaries = await removeSummaries(tx, deps, context, place, some)
    some = [...summaries, ...reflections]
    gone.push(...summaries, ...reflections)
  }
  return gone
}

/** Removes what these are part of, with an event for each. */
async function removeSummaries(
  tx: Tx,
  deps: Pick<MemoryDeps, 'events'>,
  context: RequestContext,
  place: SubjectPlace,
  touched: readonly Pick<RemovedRow, 'summarised_by'>[],
): Promise<readonly RemovedRow[]> {
  const summaries = [...new Set(touched.flatMap((row) => row.summarised_by ?? []))]
  if (summaries.length === 0) return []
  const gone = await removeMemories(tx, place.tenantId, place.subjectId, summaries)
  const told = gone.map(({ id, version }) =>
    deps.events({
      type: 'memory.summary_withdrawn',
      context,
      resourceId: id,
      statusCode: null,
      details: { subject_id: place.subjectId, version },
    }),
  )
  await Promise.all([outboxInsert(tx, told), releaseSources(tx, place, summaries)])
  return gone
}

/** What these are summaries of stands for itself again. */
export function releaseSources(tx: Tx, { tenantId, subjectId }: SubjectPlace, summaryIds: readonly string[]) {
  return tx`
    with freed as (
      select id, row_number() over (order by id) as nth from memories
      where tenant_id = ${tenantId} and summarised_by = any (${[...summaryIds]}::uuid[])
    ), counter as (
      update subjects set last_change = last_change + freed.count from (select count(*) as count from freed) as freed
      where tenant_id = ${tenantId} and subject_id = ${subjectId} and freed.count > 0
      returning last_change - freed.count as change
    )
    update memories m set summarised_by = null, change = counter.change + freed.nth from freed, counter
    where m.tenant_id = ${tenantId} and m.id = freed.id`
}

/** Marks what a summary stands for, unless it changed meanwhile: gives the ids that were marked. */
export function markSummarised(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  summaryId: string,
  sources: readonly { readonly id: string; readonly version: number }[],
) {
  return tx<{ id: string }[]>`
    with source as (
      select m.id, row_number() over (order by m.id) as nth from memories m
      join unnest(${sources.map(({ id }) => id)}::uuid[], ${sources.map(({ version }) => version)}::int[]) as s (id, version)
        on s.id = m.id and s.version = m.version
      where m.tenant_id = ${tenantId} and m.subject_id = ${subjectId} and m.summarised_by is null and m.standing > 0
        and m.id = any (${sources.map(({ id }) => id)}::uuid[])
        and (m.expires_at is null or m.expires_at > now())
    ), counter as (
      update subjects set last_change = last_change + source.count from (select count(*) as count from source) as source
      where tenant_id = ${tenantId} and subject_id = ${subjectId} returning last_change - source.count as change
    )
    update memories m set summarised_by = ${summaryId}, change = counter.change + source.nth from source, counter
    where m.tenant_id = ${tenantId} and m.id = source.id and m.id = any (${sources.map(({ id }) => id)}::uuid[])
    returning m.id`
}
