import type { Caller } from '@memoric/contracts/caller.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { decodeCursor, encodeCursor } from '@memoric/service/cursor.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import { z } from 'zod'
import type { MemoryDeps } from '../memory-deps.ts'
import { readArchivedThreads } from '../search/archived-threads.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { gathering, subjectOfThreads } from './find-thread.ts'
import { gatherThreads, type ThreadFacts } from './gather-threads.ts'
import { threadViews } from './thread-view.ts'

type List = RouteTable['listThreads']

/** When the last thread of a page was last active, ms since the epoch, its namespace and its id. */
const cursorSchema = z.tuple([z.number(), z.string(), z.string()])
type Position = z.infer<typeof cursorSchema>

/** Threads of a subject, the latest activity first. Throws AppError `invalid_cursor`, and as subjectOfThreads. */
export async function listThreads(deps: MemoryDeps, { query, context }: Call<List>): Promise<RouteOutput<List>> {
  const { caller } = context
  const after = query.cursor === undefined ? undefined : decodeCursor(query.cursor, cursorSchema)
  const place = await subjectOfThreads(deps, caller, query)
  const options = gathering(deps, caller, { namespace: query.namespace })
  const threads = await deps.indexes.use(place, (index) => gatherThreads(index, options))
  const isAsked = await archiveFilter(deps, caller, place, query.archived)
  const following = threads
    .filter((thread) => isAsked(thread) && (after === undefined || comparePositions(positionOf(thread), after) > 0))
    .sort((one, other) => comparePositions(positionOf(one), positionOf(other)))
  const shown = following.slice(0, query.limit)
  const items = await threadViews(deps, caller, place, shown)
  const last = following.length > query.limit ? shown.at(-1) : undefined
  const details = { subject_id: place.subjectId, count: items.length }
  deps.reads.record({ type: 'thread.listed', context, resourceId: place.subjectId, details })
  return { status: 200, body: { items, next_cursor: last === undefined ? null : encodeCursor(positionOf(last)) } }
}

async function archiveFilter(
  deps: MemoryDeps,
  caller: Caller,
  place: SubjectPlace,
  choice: Call<List>['query']['archived'],
): Promise<(thread: ThreadFacts) => boolean> {
  if (choice === 'include') return () => true
  const archived = (await readArchivedThreads(deps, caller, place.subjectId)).get(place.subjectId)
  return ({ namespace, threadId }) => (archived?.has(`${namespace}\n${threadId}`) === true) === (choice === 'only')
}

function positionOf({ lastAt, namespace, threadId }: ThreadFacts): Position {
  return [lastAt, namespace, threadId]
}

function comparePositions([time, namespace, id]: Position, [otherTime, otherNamespace, otherId]: Position): number {
  return otherTime - time || compareTexts(namespace, otherNamespace) || compareTexts(id, otherId)
}

function compareTexts(one: string, other: string): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}
