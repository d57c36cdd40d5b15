import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import { type RemovedRow, removeMemories } from '../memories/memory-removal-repository.ts'
import { removeFromSegments } from '../search/remove-from-segments.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { releaseSources, withdrawSummaries } from './memory-summaries.ts'
import type { PolicyDeps } from './policy-deps.ts'

/** Deletes memories of a locked subject as a caller would; gives them, and the summaries that went with them. */
export async function deleteByPolicy(
  tx: Tx,
  deps: Pick<PolicyDeps, 'events'>,
  context: RequestContext,
  keys: SubjectKeys,
  place: SubjectPlace,
  ids: readonly string[],
): Promise<readonly RemovedRow[]> {
  const removed = await removeMemories(tx, place.tenantId, place.subjectId, ids)
  const summaries = await withdrawSummaries(tx, deps, context, place, removed)
  const told = removed.map(({ id, version }) =>
    deps.events({
      type: 'memory.deleted',
      context,
      resourceId: id,
      statusCode: null,
      reason: 'policy',
      details: { subject_id: place.subjectId, version },
    }),
  )
  const all = [...removed, ...summaries]
  await Promise.all([outboxInsert(tx, told), releaseSources(tx, place, ids), removeFromSegments(tx, keys, place, all)])
  return all
}
