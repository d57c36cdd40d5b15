import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { scopeOf } from '../caller-scope.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { type RemovedRow, removeOfThread } from '../memories/memory-removal-repository.ts'
import { lockSubjects } from '../memories/subject-lock-repository.ts'
import { withFreshKeys } from '../memories/stale-keys.ts'
import { releaseSources, withdrawSummaries } from '../policies/memory-summaries.ts'
import { removeFromSegments } from '../search/remove-from-segments.ts'
import { findThreadToDelete, type FoundThread, gathering } from './find-thread.ts'
import { gatherMembers } from './gather-threads.ts'
import { removeThread } from './thread-repository.ts'

type Delete = RouteTable['deleteThread']

/** Memories of one transaction, and of one request. */
const BATCH = 200
const MOST = 20_000

/**
 * Deletes the memories of a thread with their history, in small transactions: what was deleted stays deleted when something stops in
 * the middle, and the same request goes on. Throws as findThreadToDelete.
 */
export async function deleteThread(deps: MemoryDeps, call: Call<Delete>): Promise<RouteOutput<Delete>> {
  const { params, query, context } = call
  const found = await findThreadToDelete(deps, context.caller, params.id, query)
  const kept = new Set<string>()
  let deleted = 0
  let isComplete = false
  while (!isComplete && deleted < MOST) {
    const ids = (await membersOf(deps, context, found)).filter((id) => !kept.has(id))
    isComplete = ids.length === 0
    for (let at = 0; at < ids.length && deleted < MOST; at += BATCH) {
      const batch = ids.slice(at, at + BATCH)
      const gone = await removeBatch(deps, context, found, batch)
      const removed = new Set<string>(gone.map(({ id }) => id))
      for (const id of batch) if (!removed.has(id)) kept.add(id)
      deleted += gone.length
    }
  }
  if (isComplete) await finish(deps, context, found, deleted)
  const { facts, place } = found
  const thread = { thread_id: facts.threadId, subject_id: place.subjectId, namespace: facts.namespace }
  const stillThere = (await membersOf(deps, context, found)).filter((id) => kept.has(id)).length
  return { status: 200, body: { ...thread, deleted, kept: stillThere, complete: isComplete } }
}

/** Ids of the memories, those that were stored first first: segments hold them together. */
async function membersOf(
  deps: MemoryDeps,
  { caller }: RequestContext,
  { place, facts }: FoundThread,
): Promise<string[]> {
  const options = gathering(deps, caller, { namespace: facts.namespace, threadId: facts.threadId })
  const members = await deps.indexes.use(place, (index) => gatherMembers(index, options))
  return members.sort((one, other) => one.sequence - other.sequence).map(({ id }) => id)
}

async function removeBatch(
  deps: MemoryDeps,
  context: RequestContext,
  { place, facts }: FoundThread,
  ids: readonly string[],
): Promise<readonly RemovedRow[]> {
  const whose = { tenant_id: context.caller.tenantId, subject_id: place.subjectId }
  const freed = { memories: 0, bytes: 0 }
  const remove = (keys: SubjectKeys | null) =>
    tenantTransaction(deps.sql, scopeOf(context.caller), async (tx) => {
      const lock = { subjectId: place.subjectId, keyVersion: keys?.index.current().id ?? null }
      const [, removed] = await Promise.all([
        lockSubjects(tx, place.tenantId, [lock]),
        removeOfThread(tx, place.tenantId, place.subjectId, facts.threadId, ids),
      ])
      if (removed.length === 0) return removed
      const told = removed.map((row) => deletedEvent(deps, context, place.subjectId, row))
      const summaries = await withdrawSummaries(tx, deps, context, place, removed)
      await Promise.all([
        outboxInsert(tx, told),
        releaseSources(
          tx,
          place,
          removed.map(({ id }) => id),
        ),
        removeFromSegments(tx, keys, place, [...removed, ...summaries]),
      ])
      for (const { size } of [...removed, ...summaries]) freed.bytes -= size
      freed.memories -= removed.length + summaries.length
      return removed
    })
  const gone = await withFreshKeys(deps, whose, () => deps.keys.forReading(place.tenantId, place.subjectId, remove))
  deps.quotas.add(whose.tenant_id, freed)
  deps.relay.wake()
  return gone
}

function deletedEvent(deps: MemoryDeps, context: RequestContext, subjectId: string, { id, version }: RemovedRow) {
  const details = { subject_id: subjectId, version }
  return deps.events({ type: 'memory.deleted', context, resourceId: id, statusCode: 200, details })
}

/** The title goes with the last of the memories. */
async function finish(
  deps: MemoryDeps,
  context: RequestContext,
  { place, facts }: FoundThread,
  deleted: number,
): Promise<void> {
  const details = { subject_id: place.subjectId, namespace: facts.namespace, deleted }
  const told = deps.events({ type: 'thread.deleted', context, resourceId: facts.threadId, statusCode: 200, details })
  await tenantTransaction(deps.sql, scopeOf(context.caller), (tx) =>
    Promise.all([removeThread(tx, place, facts), outboxInsert(tx, [told])]),
  )
  deps.relay.wake()
}
