import type { Memory } from '@memoric/contracts/memory-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { ThreadSummary } from '@memoric/contracts/thread-contract.ts'
import type { Caller } from '@memoric/contracts/caller.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { selectMemories } from '../memories/memory-read-repository.ts'
import { openRows } from '../memories/open-rows.ts'
import { standingOf } from '../standing/standings.ts'
import { extractiveSummariser } from '../text-work/extractive-summariser.ts'
import { type Summariser, textOf } from '../text-work/summarise.ts'
import { findThread, type FoundThread, gathering } from './find-thread.ts'
import { gatherMembers, mostOften, type ThreadMember } from './gather-threads.ts'
import { threadViews } from './thread-view.ts'

type Summarise = RouteTable['summariseThread']

/** Most memories that a summary is made from: the newest. */
const MOST_SOURCES = 500
const LABELS = 20

/** What matters of a thread of one subject. Throws as findThread. */
export async function summariseThread(
  deps: MemoryDeps,
  { params, query, context }: Call<Summarise>,
  summariser: Summariser = extractiveSummariser,
): Promise<RouteOutput<Summarise>> {
  const { caller } = context
  const found = await findThread(deps, caller, params.id, query)
  const memories = await readSources(deps, caller, found)
  const sources = memories.map(({ id, content }) => ({ id, text: content }))
  const summary = await summariser.summarise(sources, { maxCharacters: query.max_characters })
  const known = new Map(memories.map(({ id }) => [id, id]))
  const sentences = summary.sentences.map(({ text, sourceId }) => {
    return { text, memory_id: (sourceId === null ? null : known.get(sourceId)) ?? null }
  })
  const body = { ...(await factsOf(deps, caller, found)), summary: textOf(summary), sentences, method: summary.method }
  deps.reads.record({
    type: 'thread.summarised',
    context,
    resourceId: params.id,
    details: { subject_id: found.place.subjectId, namespace: found.facts.namespace, sources: sources.length },
  })
  return { status: 200, body: { ...body, sources: memories.map(({ id }) => id) } }
}

/** The newest memories of the thread in the order of time, but for those that are not to be told. */
async function readSources(deps: MemoryDeps, caller: Caller, { place, facts }: FoundThread): Promise<Memory[]> {
  const options = gathering(deps, caller, { namespace: facts.namespace, threadId: facts.threadId })
  const members = await deps.indexes.use(place, (index) => gatherMembers(index, options))
  const ids = members
    .sort(compareMembers)
    .slice(-MOST_SOURCES)
    .map(({ id }) => id)
  const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [selectMemories(tx, caller.tenantId, ids)])
  const standing = await standingOf(deps, caller, place, ids)
  const order = new Map<string, number>(ids.map((id, nth) => [id, nth]))
  const told = rows.filter(({ id, subject_id }) => subject_id === place.subjectId && standing(id) > 0)
  const memories = await openRows(deps, told)
  return memories.sort((one, other) => (order.get(one.id) ?? 0) - (order.get(other.id) ?? 0))
}

/** In the order of a conversation. */
export function compareMembers(one: ThreadMember, other: ThreadMember): number {
  return one.occurredAt - other.occurredAt || one.sequence - other.sequence
}

async function factsOf(deps: MemoryDeps, caller: Caller, { place, facts }: FoundThread) {
  const [view] = await threadViews(deps, caller, place, [facts])
  if (view === undefined) throw new Error('a thread without a view')
  const { archived_at: _archived, ...rest } = view
  const labels = { topics: mostOften(facts.topics, LABELS), entities: mostOften(facts.entities, LABELS) }
  return { ...rest, ...labels } satisfies Partial<ThreadSummary>
}
