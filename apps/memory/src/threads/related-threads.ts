import type { RelatedThread } from '@memoric/contracts/thread-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { findThread, gathering } from './find-thread.ts'
import { gatherThreads, type ThreadFacts } from './gather-threads.ts'
import { threadViews } from './thread-view.ts'

type ListRelated = RouteTable['listRelatedThreads']

/** A thread and how near it is to another. */
interface Nearness {
  readonly facts: ThreadFacts
  readonly score: number
  readonly topics: readonly string[]
  readonly entities: readonly string[]
}

/** Other threads of the same subject that share topics or entities with one. Throws as findThread. */
export async function listRelatedThreads(
  deps: MemoryDeps,
  { params, query, context }: Call<ListRelated>,
): Promise<RouteOutput<ListRelated>> {
  const { caller } = context
  const { place, facts } = await findThread(deps, caller, params.id, query)
  const all = await deps.indexes.use(place, (index) => gatherThreads(index, gathering(deps, caller, {})))
  const near = nearestTo(facts, all).slice(0, query.limit)
  const views = await threadViews(
    deps,
    caller,
    place,
    near.map((each) => each.facts),
  )
  const items = views.map((view, nth): RelatedThread => {
    const { score = 0, topics = [], entities = [] } = near[nth] ?? {}
    return { ...view, score, shared_topics: [...topics], shared_entities: [...entities] }
  })
  const details = { subject_id: place.subjectId, namespace: facts.namespace, related: items.length }
  deps.reads.record({ type: 'thread.read', context, resourceId: params.id, details })
  return { status: 200, body: { items } }
}

/** The nearest first, of those as near the one with the latest activity: a label that few threads have weighs more. */
function nearestTo(thread: ThreadFacts, all: readonly ThreadFacts[]): Nearness[] {
  const frequency = new Map<string, number>()
  for (const each of all) for (const label of labelsOf(each)) frequency.set(label, (frequency.get(label) ?? 0) + 1)
  const weigh = (labels: readonly string[]) =>
    labels.reduce((sum, label) => sum + Math.log(1 + all.length / (frequency.get(label) ?? 1)), 0)
  const own = weigh(labelsOf(thread))
  return all
    .filter(({ namespace, threadId }) => namespace !== thread.namespace || threadId !== thread.threadId)
    .map((other): Nearness => {
      const topics = shared(thread.topics, other.topics)
      const entities = shared(thread.entities, other.entities)
      const both = weigh([...topics.map(asTopic), ...entities.map(asEntity)])
      const whole = own + weigh(labelsOf(other)) - both
      return { facts: other, score: whole === 0 ? 0 : round(both / whole), topics, entities }
    })
    .filter(({ topics, entities }) => topics.length + entities.length > 0)
    .sort((one, other) => other.score - one.score || compareFacts(one.facts, other.facts))
}

function compareFacts(one: ThreadFacts, other: ThreadFacts): number {
  return (
    other.lastAt - one.lastAt ||
    (`${one.namespace}\n${one.threadId}` < `${other.namespace}\n${other.threadId}` ? -1 : 1)
  )
}

function shared(one: ReadonlyMap<string, number>, other: ReadonlyMap<string, number>): string[] {
  return [...one.keys()].filter((label) => other.has(label)).toSorted()
}

function labelsOf({ topics, entities }: ThreadFacts): string[] {
  return [...[...topics.keys()].map(asTopic), ...[...entities.keys()].map(asEntity)]
}

function asTopic(label: string): string {
  return `topic ${label}`
}

function asEntity(label: string): string {
  return `entity ${label}`
}

function round(score: number): number {
  return Math.round(score * 1e6) / 1e6
}
