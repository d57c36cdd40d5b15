import { CAPITALISED, TOPICS } from './english-words.ts'
import { STOP_WORDS, words } from '../search/words.ts'

const MOST = 10
const LONGEST = 64

/** 2026-11-22; 3 May 2026; May 3, 2026 */
const MONTH = '(?:January|February|March|April|May|June|July|August|September|October|November|December)'
const DATE = new RegExp(
  String.raw`\b(?:\d{4}-\d{2}-\d{2}|\d{1,2} ${MONTH}(?: \d{4})?|${MONTH} \d{1,2}(?:, \d{4})?)\b`,
  'g',
)
const CAPITAL = /^\p{Lu}[\p{L}\p{M}\p{N}'’&-]*$/u
/** Small words within names: University of Vienna, Ludwig van Beethoven. */
const INNER: ReadonlySet<string> = new Set(['of', 'van', 'von', 'de', 'der', 'da', 'la'])

let segmenters: { readonly sentence: Intl.Segmenter; readonly word: Intl.Segmenter } | undefined

/** Names and dates of an English text, in the order in which they come. */
export function entitiesOf(text: string): string[] {
  // Made when they are needed: they take some milliseconds.
  segmenters ??= {
    sentence: new Intl.Segmenter('en', { granularity: 'sentence' }),
    word: new Intl.Segmenter('en', { granularity: 'word' }),
  }
  const { sentence, word } = segmenters
  const dates = [...text.matchAll(DATE)].map(([date]) => date)
  const sentences = [...sentence.segment(text.replace(DATE, ' , '))].map(({ segment }) => wordsOf(word, segment))
  const inside = new Set(sentences.flatMap((parts) => namesIn(parts.slice(1))).flatMap((name) => name.split(' ')))
  const names = sentences.flatMap((parts) => {
    return namesIn(isNameAtStart(parts, inside) ? parts : parts.slice(1))
  })
  const unique = new Map(
    [...names.map((name) => name.replace(/['’]s$/, '')), ...dates].map((name) => [name.toLowerCase(), name]),
  )
  return [...unique.values()].filter((name) => name.length <= LONGEST).slice(0, MOST)
}

function wordsOf(segmenter: Intl.Segmenter, sentence: string): string[] {
  const segments = [...segmenter.segment(sentence)].map(({ segment }) => segment.trim())
  return segments.filter((segment) => segment !== '')
}

/** Every sentence begins with a capital: a name is what is one elsewhere, or what only a name would be. */
function isNameAtStart([first = '', second = '']: readonly string[], inside: ReadonlySet<string>): boolean {
  if (!isCapital(first)) return false
  if (inside.has(first) || isCapital(second)) return true
  return !first.endsWith('s') && !isOfTopic(first) && /^[a-z]{2,}(?:s|ed)$/.test(second) && !isSmall(second)
}

function isCapital(word: string): boolean {
  if (!CAPITAL.test(word) || CAPITALISED.has(word.toLowerCase())) return false
  return !isSmall(word)
}

function isSmall(word: string): boolean {
  return words(word).some((term) => STOP_WORDS.has(term))
}

function isOfTopic(word: string): boolean {
  return words(word).some((term) => TOPICS.some(([, stems]) => stems.has(term)))
}

/** Runs of capitalised words, with the small words between them. */
function namesIn(parts: readonly string[]): string[] {
  const names: string[] = []
  let run: string[] = []
  const end = (): void => {
    while (INNER.has(run.at(-1) ?? '')) run.pop()
    if (run.join('').length > 1) names.push(run.join(' '))
    run = []
  }
  for (const part of parts) {
    if (isCapital(part)) run.push(part)
    else if (run.length > 0 && INNER.has(part)) run.push(part)
    else end()
  }
  end()
  return names
}
