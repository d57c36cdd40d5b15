import type { AllowList } from '@memoric/contracts/caller.ts'
import type { Memory } from '@memoric/contracts/memory-contract.ts'
import type { SearchRequest, SearchScope } from '@memoric/contracts/search-contract.ts'
import type { JsonValue } from '@memoric/contracts/text.ts'
import { containsJson } from '../src/search/contains-json.ts'
import { queryWords, words } from '../src/search/words.ts'

/** What a search should answer, found by looking at every memory. */
export interface Expected {
  readonly searched: number
  readonly results: readonly { readonly id: string; readonly score: number }[]
}

const [K1, B] = [0.9, 0.4]
const HALF_LIFE_MS = 30 * 86_400_000

/** Searches one scope of the given memories by the formula alone, without an index. */
export function bruteForceSearch(
  memories: readonly Memory[],
  namespaces: AllowList,
  request: Partial<SearchRequest>,
  scope: SearchScope,
  now: number,
): Expected {
  const visible = memories.filter(
    ({ namespace, expires_at }) =>
      (namespaces === '*' || namespaces.includes(namespace)) && (expires_at === null || Date.parse(expires_at) > now),
  )
  const eligible = visible.filter((memory) => passes(memory, request, scope))
  const terms = queryWords(request.query ?? '')
  const { relevance: asked = 1, recency = 0.15, importance = 0.15, reinforcement = 0.05 } = request.weights ?? {}
  const relevanceWeight = terms.length > 0 ? asked : 0
  const total = relevanceWeight + recency + importance + reinforcement || 1
  const relevance = createRelevance(visible, terms)
  const results = eligible
    .map((memory) => ({ memory, matches: relevance(memory) }))
    .filter(({ matches }) => terms.length === 0 || matches > 0)
    .map(({ memory, matches }) => ({
      id: memory.id,
      score:
        (relevanceWeight * matches +
          recency * 0.5 ** (Math.max(0, now - Date.parse(memory.occurred_at)) / HALF_LIFE_MS) +
          importance * memory.importance +
          reinforcement * (1 - 1 / memory.seen_count)) /
        total,
    }))
    .sort((one, other) => other.score - one.score || (one.id < other.id ? -1 : 1))
  return { searched: eligible.length, results: results.slice(0, request.top_k ?? 10) }
}

function createRelevance(visible: readonly Memory[], terms: readonly string[]): (memory: Memory) => number {
  const texts = new Map(visible.map((memory) => [memory.id, wordsOf(memory)]))
  const average = [...texts.values()].reduce((sum, text) => sum + text.length, 0) / visible.length
  const idfs = terms.map((term) => {
    const having = [...texts.values()].filter((text) => text.includes(term)).length
    return having === 0 ? 0 : Math.log(1 + (visible.length - having + 0.5) / (having + 0.5))
  })
  const most = idfs.reduce((sum, idf) => sum + idf * (K1 + 1), 0)
  return (memory) => {
    const text = texts.get(memory.id) ?? []
    const gains = terms.map((term, at) => {
      const frequency = text.filter((word) => word === term).length
      return ((idfs[at] ?? 0) * frequency * (K1 + 1)) / (frequency + K1 * (1 - B + (B * text.length) / average))
    })
    return gains.reduce((sum, gain) => sum + gain, 0) / (most || 1)
  }
}

function wordsOf({ speaker, topic, category, entities, tags, content }: Memory): string[] {
  return [speaker, topic, category, ...entities, ...tags, content].flatMap((text) => (text === null ? [] : words(text)))
}

function passes(memory: Memory, request: Partial<SearchRequest>, scope: SearchScope): boolean {
  const { namespace, thread_id, topic, filters = {} } = request
  const { after, before, tier, role, speaker, category, tags, metadata } = filters
  const time = Date.parse(memory.occurred_at)
  return [
    namespace === undefined || memory.namespace === namespace,
    scope !== 'thread' || memory.thread_id === thread_id,
    scope !== 'topic' || same(memory.topic, topic),
    after === undefined || time >= Date.parse(after),
    before === undefined || time < Date.parse(before),
    tier === undefined || memory.tier === tier,
    role === undefined || same(memory.role, role),
    speaker === undefined || same(memory.speaker, speaker),
    category === undefined || same(memory.category, category),
    tags?.every((tag) => memory.tags.some((own) => same(own, tag))) ?? true,
    metadata === undefined || containsJson(memory.metadata as JsonValue, metadata),
  ].every(Boolean)
}

function same(own: string | null, wanted: string | undefined): boolean {
  return own !== null && own.toLowerCase() === wanted?.toLowerCase()
}
