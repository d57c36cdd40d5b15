import { IMPORTANCE_LEVELS } from '@memoric/contracts/memory-contract.ts'
import { STOP_WORDS, words } from '../search/words.ts'
import { entitiesOf } from './entities.ts'
import { BAD, CATEGORIES, GOOD, NEGATIONS, TOPICS, URGENT } from './english-words.ts'
import type { Derived } from './enrichment-state.ts'

/** Characters that are looked at: what a text is about, its beginning says. */
const MOST_CHARACTERS = 8000

/** The share of small words of English from which a text counts as English, and how many there are at least. */
const ENGLISH = 0.12
const LEAST_SMALL_WORDS = 1

/** How often a word has to come for a text to be about it. */
const OFTEN = 3
/** How many words a negation reaches. */
const REACH = 3
/** Shorter texts are small talk, in words. */
const SMALL_TALK = 4

const NOTHING: Derived = { topic: null, category: null, entities: [], importance: null, sentiment: null }

/** What some rules make of a content; the same content always gives the same. Other languages than English are left alone. */
export function enrichByRules(content: string): Derived {
  const text = content.slice(0, MOST_CHARACTERS).toWellFormed()
  const terms = words(text)
  if (!isEnglish(terms)) return NOTHING
  return {
    topic: topicOf(terms),
    category: text.trimEnd().endsWith('?') ? 'question' : firstOf(CATEGORIES, terms),
    entities: entitiesOf(text),
    importance: importanceOf(terms),
    sentiment: sentimentOf(terms),
  }
}

function isEnglish(terms: readonly string[]): boolean {
  const small = terms.filter((term) => STOP_WORDS.has(term)).length
  return small >= LEAST_SMALL_WORDS && small >= terms.length * ENGLISH
}

/** The topic of which most is said, or a word that comes again and again. */
function topicOf(terms: readonly string[]): string | null {
  const counts = TOPICS.map(([topic, stems]) => [topic, terms.filter((term) => stems.has(term)).length] as const)
  const [best] = counts.toSorted(([, one], [, other]) => other - one)
  return best === undefined || best[1] === 0 ? oftenest(terms) : best[0]
}

function oftenest(terms: readonly string[]): string | null {
  const counts = new Map<string, number>()
  for (const term of terms) {
    if (!STOP_WORDS.has(term) && /^\p{L}{3,}$/u.test(term)) counts.set(term, (counts.get(term) ?? 0) + 1)
  }
  const [best] = [...counts].toSorted(([, one], [, other]) => other - one)
  return best === undefined || best[1] < OFTEN ? null : best[0]
}

function firstOf(known: typeof CATEGORIES, terms: readonly string[]): string | null {
  return known.find(([, stems]) => terms.some((term) => stems.has(term)))?.[0] ?? null
}

function importanceOf(terms: readonly string[]): number | null {
  if (terms.some((term) => URGENT.has(term))) return IMPORTANCE_LEVELS.high
  return terms.length < SMALL_TALK ? IMPORTANCE_LEVELS.low : null
}

/** -1..1: the balance of good and bad words; null without any. */
function sentimentOf(terms: readonly string[]): number | null {
  let [sum, count] = [0, 0]
  for (const [at, term] of terms.entries()) {
    const sign = GOOD.has(term) ? 1 : BAD.has(term) ? -1 : 0
    if (sign === 0) continue
    const isTurned = terms.slice(Math.max(0, at - REACH), at).some((before) => NEGATIONS.has(before))
    sum += isTurned ? -sign : sign
    count += 1
  }
  return count === 0 ? null : Math.round((sum / (count + 1)) * 100) / 100
}
