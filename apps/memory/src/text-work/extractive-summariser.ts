import { shorten } from '../wake-up/shorten.ts'
import { STOP_WORDS } from '../search/words.ts'
import { type Sentence, sentencesOf } from './sentences.ts'
import type { SourceText, Summariser, Summary, SummariseOptions, SummarySentence } from './summarise.ts'
import { product, sumOf, type TermVector, vectorsOf } from './term-vectors.ts'

/** How much more the first sentence of a text weighs, and half as much more the second, and so on. */
const POSITION_WEIGHT = 0.25

/** Sentences of fewer telling words say little by themselves. */
const TELLING_WORDS = 3
const SHORT_WEIGHT = 0.5

/** Two sentences that are more alike than this say the same. */
const SAME = 0.7

/** What a sentence that stands alone is worth, next to 1 for the most central one. */
const LEAST_CENTRALITY = 0.1

/** Less than any two sentences have in common that share a word; more than what rounding leaves. */
const ALONE = 1e-9

/** What weighs less than this part of the weightiest is not worth its room. */
const LEAST_SHARE = 0.25

/** Most sentences that are compared, and characters of one. */
const MOST_SENTENCES = 2000
const MOST_CHARACTERS = 400

interface Weighed {
  readonly sentence: Sentence
  readonly vector: TermVector
  readonly weight: number
  readonly order: number
}

/** Quotes the sentences that stand for all: nothing in it is invented, and the same texts give the same summary. */
export const extractiveSummariser: Summariser = {
  summarise: (sources, options) => Promise.resolve(extract(sources, options)),
}

function extract(sources: readonly SourceText[], { maxCharacters }: SummariseOptions): Summary {
  const longest = Math.min(MOST_CHARACTERS, maxCharacters)
  const weighed = weigh(firstSentences(sources))
  const chosen: Weighed[] = []
  let room = maxCharacters
  for (const candidate of weighed) {
    if (room < 1 || candidate.weight < LEAST_SHARE * (weighed[0]?.weight ?? 0)) break
    const length = Math.min(candidate.sentence.text.length, longest) + (chosen.length === 0 ? 0 : 1)
    if (length > room || chosen.some(({ vector }) => product(vector, candidate.vector) > SAME)) continue
    chosen.push(candidate)
    room -= length
  }
  const sentences = chosen.sort((one, other) => one.order - other.order).map((each) => quoted(each, longest))
  return { sentences, method: 'extractive' }
}

/** What comes after them is not looked at: texts may be many and long. */
function firstSentences(sources: readonly SourceText[]): Sentence[] {
  const sentences: Sentence[] = []
  for (const source of sources) {
    if (sentences.length >= MOST_SENTENCES) break
    sentences.push(...sentencesOf(source))
  }
  return sentences.slice(0, MOST_SENTENCES)
}

/** The weightiest first; of equal ones what stands first. */
function weigh(sentences: readonly Sentence[]): Weighed[] {
  const terms = sentences.map((sentence) => sentence.terms.filter((term) => !STOP_WORDS.has(term)))
  const vectors = vectorsOf(terms)
  const centralities = centralitiesOf(vectors)
  return sentences
    .map((sentence, order): Weighed => {
      const vector = vectors[order] ?? new Map()
      const length = (terms[order]?.length ?? 0) < TELLING_WORDS ? SHORT_WEIGHT : 1
      const place = 1 + POSITION_WEIGHT / (1 + sentence.position)
      return { sentence, vector, weight: length * place * (LEAST_CENTRALITY + (centralities[order] ?? 0)), order }
    })
    .sort((one, other) => other.weight - one.weight || one.order - other.order)
}

/** How much each has in common with the others: 1 for the most central, 0 for what stands alone. */
function centralitiesOf(vectors: readonly TermVector[]): number[] {
  const sum = sumOf(vectors)
  const shared = vectors.map((vector) => Math.max(0, product(vector, sum) - product(vector, vector)))
  const most = shared.reduce((one, other) => Math.max(one, other), 0)
  return shared.map((value) => (most < ALONE ? 1 : value / most))
}

function quoted({ sentence: { text, sourceId } }: Weighed, longest: number): SummarySentence {
  return { text: shorten(text, longest), sourceId }
}
