import type { AllowList } from '@memoric/contracts/caller.ts'
import type { SearchRequest } from '@memoric/contracts/search-contract.ts'
import { idAt } from '../search/memory-ids.ts'
import { ELIGIBLE, type PartCandidates, selectCandidates } from '../search/search-candidates.ts'
import { findString, stringAt } from '../search/string-table.ts'
import type { SubjectIndex } from '../search/subject-index.ts'

/** What the index knows of a thread of a subject. */
export interface ThreadFacts {
  readonly namespace: string
  readonly threadId: string
  memories: number
  /** When the first and the last of its memories happened, ms since the epoch. */
  firstAt: number
  lastAt: number
  /** How many of its memories have each. */
  readonly topics: Map<string, number>
  readonly entities: Map<string, number>
}

/** A memory of a thread. */
export interface ThreadMember {
  readonly id: string
  readonly occurredAt: number
  readonly sequence: number
}

export interface GatherOptions {
  readonly namespaces: AllowList
  readonly namespace?: string | undefined
  readonly threadId?: string | undefined
  /** ms since the epoch */
  readonly now: number
}

/** The threads that a caller may see, in the order in which they are met. */
export function gatherThreads(index: SubjectIndex, options: GatherOptions): ThreadFacts[] {
  const threads = new Map<string, ThreadFacts>()
  eachOfThreads(index, options, ({ segment }, name) => {
    const factsOf = (document: number): ThreadFacts => {
      const { namespace, threadId } = name(document)
      const key = `${namespace}\n${threadId}`
      const known = threads.get(key)
      if (known !== undefined) return known
      const facts = { namespace, threadId, memories: 0, firstAt: Infinity, lastAt: -Infinity, ...noLabels() }
      threads.set(key, facts)
      return facts
    }
    const { occurredAt } = segment.times
    const { topic } = segment.numbers
    const { starts, values } = segment.lists.entities
    const text = texts(segment.strings)
    return (document) => {
      const facts = factsOf(document)
      const time = occurredAt.values[document & occurredAt.mask] ?? 0
      facts.memories += 1
      facts.firstAt = Math.min(facts.firstAt, time)
      facts.lastAt = Math.max(facts.lastAt, time)
      const about = topic.values[document & topic.mask] ?? 0
      if (about !== 0) addTo(facts.topics, text(about))
      const own = values.subarray(starts[document] ?? 0, starts[document + 1] ?? 0)
      for (const entity of new Set(own)) addTo(facts.entities, text(entity))
    }
  })
  return [...threads.values()]
}

/** The memories of threads, in no order. */
export function gatherMembers(index: SubjectIndex, options: GatherOptions): ThreadMember[] {
  const members: ThreadMember[] = []
  eachOfThreads(index, options, ({ segment }) => (document) => {
    const { occurredAt } = segment.times
    const { sequence } = segment.numbers
    members.push({
      id: idAt(segment.ids, document),
      occurredAt: occurredAt.values[document & occurredAt.mask] ?? 0,
      sequence: sequence.values[document & sequence.mask] ?? 0,
    })
  })
  return members
}

type Visit = (document: number) => void
type NameOf = (document: number) => { readonly namespace: string; readonly threadId: string }

const EVERYTHING: SearchRequest = { top_k: 1, explain: false }

/** Shows every memory that is in a thread, segment by segment. */
function eachOfThreads(
  index: SubjectIndex,
  { namespaces, namespace, threadId, now }: GatherOptions,
  begin: (part: PartCandidates['part'], name: NameOf) => Visit,
): void {
  const request = namespace === undefined ? EVERYTHING : { ...EVERYTHING, namespace: namespace.toWellFormed() }
  const { parts } = selectCandidates(index, namespaces, request, 'subject', now)
  const wanted = threadId?.toWellFormed()
  for (const { part, state } of parts) {
    const { numbers, strings, documents } = part.segment
    const only = wanted === undefined ? undefined : findString(strings, wanted)
    if (only === 0) continue
    const text = texts(strings)
    const visit = begin(part, (document) => ({
      namespace: text(numbers.namespace.values[document & numbers.namespace.mask] ?? 0),
      threadId: text(numbers.thread.values[document & numbers.thread.mask] ?? 0),
    }))
    for (let document = 0; document < documents; document++) {
      if (state !== null && state[document] !== ELIGIBLE) continue
      const thread = numbers.thread.values[document & numbers.thread.mask] ?? 0
      if (thread !== 0 && (only === undefined || thread === only)) visit(document)
    }
  }
}

/** Reads each string of a segment once. */
function texts(strings: Parameters<typeof stringAt>[0]): (number: number) => string {
  const known = new Map<number, string>()
  return (number) => {
    const told = known.get(number)
    if (told !== undefined) return told
    const text = stringAt(strings, number)
    known.set(number, text)
    return text
  }
}

function noLabels() {
  return { topics: new Map<string, number>(), entities: new Map<string, number>() }
}

function addTo(counts: Map<string, number>, label: string): void {
  counts.set(label, (counts.get(label) ?? 0) + 1)
}

/** Labels that most memories have, at most `most` of them; of equal ones the first in their order. */
export function mostOften(counts: ReadonlyMap<string, number>, most: number): string[] {
  return [...counts]
    .sort(([one, count], [other, otherCount]) => otherCount - count || (one < other ? -1 : 1))
    .slice(0, most)
    .map(([label]) => label)
}
