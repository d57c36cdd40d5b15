import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { type RemovedRow, removeMemories } from '../memories/memory-removal-repository.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { selectMadeOf } from './reflection-repository.ts'
import { lookAgainFrom } from './state-repository.ts'

/**
 * What reflections and principles were made of has been changed, removed or withheld: they would go on telling it, so they go, too, and
 * whatever was made of them; the next consolidation makes them anew of what is left. The subject is locked. Gives what went, which has
 * to leave the segments as well.
 */
export async function withdrawReflections(
  tx: Tx,
  deps: Pick<MemoryDeps, 'events'>,
  context: RequestContext,
  place: SubjectPlace,
  sourceIds: readonly string[],
): Promise<readonly RemovedRow[]> {
  const gone: RemovedRow[] = []
  let from: string | undefined
  for (let ids = sourceIds; ids.length > 0;) {
    const found = await selectMadeOf(tx, place, ids)
    ids = found.map(({ id }) => id)
    if (ids.length === 0) break
    for (const { starts_on: day } of found) from = from === undefined || day < from ? day : from
    gone.push(...(await removeReflections(tx, deps, context, place, ids)))
  }
  if (from !== undefined) await lookAgainFrom(tx, place, from)
  return gone
}

/** Removes reflections with an event for each. */
export async function removeReflections(
  tx: Tx,
  deps: Pick<MemoryDeps, 'events'>,
  context: RequestContext,
  place: SubjectPlace,
  ids: readonly string[],
): Promise<readonly RemovedRow[]> {
  const gone = await removeMemories(tx, place.tenantId, place.subjectId, ids)
  const told = gone.map(({ id, version }) =>
    deps.events({
      type: 'memory.summary_withdrawn',
      context,
      resourceId: id,
      statusCode: null,
      details: { subject_id: place.subjectId, version },
    }),
  )
  await outboxInsert(tx, told)
  return gone
}
