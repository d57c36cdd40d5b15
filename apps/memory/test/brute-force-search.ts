import type { AllowList } from '@memoric/contracts/caller.ts'
import type { Memory } from '@memoric/contracts/memory-contract.ts'
import { TRUST_LEVELS } from '@memoric/contracts/provenance-contract.ts'
import type { SearchRequest, SearchScope } from '@memoric/contracts/search-contract.ts'
import type { JsonValue } from '@memoric/contracts/text.ts'
import { containsJson } from '../src/search/contains-json.ts'
import { parseQuery, type Query } from '../src/search/parse-query.ts'
import type { RankingRule } from '../src/search/ranking-rules.ts'
import { STOP_WORDS, wholeWords, words } from '../src/search/words.ts'

/** What a search should answer, found by looking at every memory. */
export interface Expected {
  readonly searched: number
  readonly results: readonly { readonly id: string; readonly score: number }[]
}

/** How near memories are to the query, for those that have a vector. */
export interface Meanings {
  readonly of: (memory: Memory) => number | undefined
  readonly least: number
}

const [K1, B] = [0.9, 0.4]
const DAY_MS = 86_400_000
const ANCHORS = 32
const SHARES: Readonly<Record<number, number>> = { [-2]: 0.25, [-1]: 0.5, 1: 0.8, 2: 0.4 }
const MOST_OPENED = 1000

/** Searches one scope of the given memories by the formula alone, without an index. */
export function bruteForceSearch(
  memories: readonly Memory[],
  namespaces: AllowList,
  request: Partial<SearchRequest>,
  scope: SearchScope,
  now: number,
  rules: readonly RankingRule[] = [],
  meanings?: Meanings,
): Expected {
  const query = parseQuery(request.query ?? '')
  const visible = memories.filter(
    ({ namespace, expires_at, standing_factor }) =>
      standing_factor > 0 &&
      (namespaces === '*' || namespaces.includes(namespace)) &&
      (expires_at === null || Date.parse(expires_at) > now),
  )
  const eligible = visible.filter((memory) => passes(memory, request, scope) && isAskedFor(memory, query))
  const hasWords = query.words.length + query.prefixes.length > 0
  const asked = request.weights ?? {}
  const weights = {
    relevance: hasWords ? (asked.relevance ?? 1) : 0,
    embedding: hasWords && meanings !== undefined ? (asked.embedding ?? 0.3) : 0,
    context: hasWords ? (asked.context ?? 0.8) : 0,
    recency: asked.recency ?? 0.15,
    importance: asked.importance ?? 0.15,
    reinforcement: asked.reinforcement ?? 0.05,
    rules: rules.length > 0 ? (asked.rules ?? 0.3) : 0,
  }
  const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0) || 1
  const halfLife = (asked.recency_half_life_days ?? 30) * DAY_MS
  const { gainsOf, most } = createRelevance(visible, query)
  const gains = new Map(eligible.map((memory) => [memory.id, gainsOf(memory)]))
  const context = weights.context > 0 ? contextOf(eligible, gains, most, query.words) : new Map<string, number>()
  const near = (memory: Memory): number => (weights.embedding > 0 ? (meanings?.of(memory) ?? -1) : -1)
  const results = eligible
    .filter(
      (memory) =>
        !hasWords ||
        (gains.get(memory.id) ?? 0) > 0 ||
        context.has(memory.id) ||
        near(memory) >= (meanings?.least ?? Infinity),
    )
    .map((memory) => ({
      memory,
      id: memory.id,
      score: attenuated(
        memory.standing_factor,
        (weights.context * (context.get(memory.id) ?? 0)) / total,
        (weights.relevance * ((gains.get(memory.id) ?? 0) / most) +
          weights.embedding * Math.max(0, near(memory)) +
          weights.recency * 0.5 ** (Math.max(0, now - Date.parse(memory.occurred_at)) / halfLife) +
          weights.importance * memory.importance +
          weights.reinforcement * (1 - 1 / memory.seen_count) +
          weights.rules * ruled(memory, rules, query.words, now)) /
          total,
      ),
    }))
    .sort((one, other) => other.score - one.score || (one.id < other.id ? -1 : 1))
    .slice(0, MOST_OPENED)
    .filter(({ memory }) => hasPhrases(memory, query))
  return {
    searched: eligible.length,
    results: results.slice(0, request.top_k ?? 10).map(({ id, score }) => ({ id, score })),
  }
}

/** An edit makes nothing count more. */
function attenuated(factor: number, context: number, alone: number): number {
  return factor * context + (alone < 0 ? alone : factor * alone)
}

function createRelevance(visible: readonly Memory[], { words: terms, prefixes }: Query) {
  const texts = new Map(visible.map((memory) => [memory.id, saidIn(memory)]))
  const average = [...texts.values()].reduce((sum, text) => sum + text.length, 0) / visible.length
  const tests = [
    ...terms.map(
      (term) =>
        ({ stem }: Said) =>
          stem === term,
    ),
    ...prefixes.map(beginsWith),
  ]
  const idfs = tests.map((test) => {
    const having = [...texts.values()].filter((text) => text.some(test)).length
    return having === 0 ? 0 : Math.log(1 + (visible.length - having + 0.5) / (having + 0.5))
  })
  const most = idfs.reduce((sum, idf) => sum + idf * (K1 + 1), 0) || 1
  const gainsOf = (memory: Memory): number => {
    const text = texts.get(memory.id) ?? []
    const gains = tests.map((test, at) => {
      const frequency = text.filter(test).length
      // The last digits decide which memories are anchors: in the order of the formula.
      return (
        (idfs[at] ?? 0) * ((frequency * (K1 + 1)) / (frequency + K1 * (1 - B) + ((K1 * B) / average) * text.length))
      )
    })
    return gains.reduce((sum, gain) => sum + gain, 0)
  }
  return { gainsOf, most }
}

/** A word as it was said, and the term that it is found by. */
interface Said {
  readonly whole: string
  readonly stem: string
}

function saidIn(memory: Memory): Said[] {
  return textsOf(memory).flatMap((text) => {
    const stems = words(text)
    return wholeWords(text).map((whole, at) => ({ whole, stem: stems[at] ?? '' }))
  })
}

function beginsWith(prefix: string): (said: Said) => boolean {
  return ({ whole, stem }) => whole.startsWith(prefix) || stem.startsWith(prefix) || words(prefix).includes(stem)
}

/** The context of the memories with most gains, and of those around them in their conversations. */
function contextOf(
  eligible: readonly Memory[],
  gains: ReadonlyMap<string, number>,
  most: number,
  asked: readonly string[],
): Map<string, number> {
  const gainOf = ({ id }: Memory): number => gains.get(id) ?? 0
  const anchors = eligible
    .filter((memory) => gainOf(memory) > 0)
    .sort((one, other) => gainOf(other) - gainOf(one) || (one.id < other.id ? -1 : 1))
    .slice(0, ANCHORS)
  const context = new Map<string, number>()
  for (const said of conversations(eligible)) {
    const lenders = anchors.filter((anchor) => said.includes(anchor))
    const best = isAlone(said) ? 0 : Math.max(0, ...lenders.map(gainOf))
    const places = new Map(said.map((memory, place) => [memory, place]))
    for (const [memory, place] of places) {
      const loans = lenders.filter(
        (anchor) => anchor !== memory && !isAlone(said) && Math.abs(placeOf(places, anchor) - place) <= 2,
      )
      if (!lenders.includes(memory) && loans.length === 0) continue
      const lent = loans.reduce(
        (sum, anchor) => sum + (SHARES[place - placeOf(places, anchor)] ?? 0) * gainOf(anchor),
        0,
      )
      const [name] = memory.speaker === null ? [] : words(memory.speaker).filter((word) => !STOP_WORDS.has(word))
      const speaker = name !== undefined && asked.includes(name) ? 0.3 * (gainOf(memory) + lent) : 0
      context.set(memory.id, Math.min(1, (lent + 0.3 * best + speaker) / most))
    }
  }
  return context
}

function placeOf(places: ReadonlyMap<Memory, number>, memory: Memory): number {
  return places.get(memory) ?? Infinity
}

/** Memories in no conversation come together, but have nothing of each other. */
function isAlone([memory]: readonly Memory[]): boolean {
  return memory?.thread_id === null && memory.session_id === null
}

/** All that was said in the same thread and session, in order. */
function conversations(eligible: readonly Memory[]): Memory[][] {
  const groups = Map.groupBy(eligible, ({ thread_id, session_id }) => JSON.stringify([thread_id, session_id]))
  return [...groups.values()].map((said) =>
    said.toSorted((one, other) => Date.parse(one.occurred_at) - Date.parse(other.occurred_at) || one.seq - other.seq),
  )
}

function ruled(memory: Memory, rules: readonly RankingRule[], asked: readonly string[], now: number): number {
  const sum = rules.reduce((total, rule) => {
    if (rule.rule === 'topic_boost') return same(memory.topic, rule.topic) ? total + rule.amount : total
    if (rule.rule === 'stale_penalty') {
      return now - Date.parse(memory.occurred_at) > rule.afterDays * DAY_MS ? total - rule.amount : total
    }
    const isNamed = memory.entities.some((entity) => {
      const own = words(entity).filter((word) => !STOP_WORDS.has(word))
      return own.length > 0 && own.every((word) => asked.includes(word))
    })
    return isNamed ? total + rule.amount : total
  }, 0)
  return Math.max(-1, Math.min(1, sum))
}

/** Whether a memory has the words of all phrases and nothing that is excluded, but for the order of words. */
function isAskedFor(memory: Memory, { phrases, excluded }: Query): boolean {
  const own = wordsOf(memory)
  return (
    phrases.flat().every((term) => own.includes(term)) &&
    excluded.every((each) => {
      if ('prefix' in each) return !saidIn(memory).some(beginsWith(each.prefix))
      if ('phrase' in each) return each.phrase.length > 1 || !own.includes(each.phrase[0] ?? '')
      return !each.terms.every((term) => own.includes(term))
    })
  )
}

function hasPhrases(memory: Memory, { phrases, excluded }: Query): boolean {
  const texts = textsOf(memory).map((text) => `\n${words(text).join('\n')}\n`)
  const has = (phrase: readonly string[]) => texts.some((text) => text.includes(`\n${phrase.join('\n')}\n`))
  return phrases.every(has) && !excluded.some((each) => 'phrase' in each && has(each.phrase))
}

function textsOf({ speaker, topic, category, entities, tags, content }: Memory): string[] {
  return [speaker, topic, category, ...entities, ...tags, content].filter((text) => text !== null)
}

function wordsOf(memory: Memory): string[] {
  return textsOf(memory).flatMap(words)
}

function passes(memory: Memory, request: Partial<SearchRequest>, scope: SearchScope): boolean {
  const { namespace, thread_id, topic, filters = {} } = request
  const { after, before, tier, role, speaker, category, tags, metadata, min_trust: least } = filters
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
    least === undefined || TRUST_LEVELS.indexOf(memory.trust) >= TRUST_LEVELS.indexOf(least),
    metadata === undefined || containsJson(memory.metadata as JsonValue, metadata),
  ].every(Boolean)
}

function same(own: string | null, wanted: string | undefined): boolean {
  return own !== null && own.toLowerCase() === wanted?.toLowerCase()
}
