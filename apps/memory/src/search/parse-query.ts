import { AppError } from '@memoric/service/app-error.ts'
import type { BegunWords } from './begun-words.ts'
import { wholeWord, withoutStopWords, words } from './words.ts'

/** What a query says. Words are terms; of those that are looked for a memory needs one, unless a phrase asks for more. */
export interface Query {
  /** Different terms that are looked for. */
  readonly words: readonly string[]
  /** Beginnings of words that are looked for, folded. */
  readonly prefixes: readonly string[]
  /** Terms that a memory must have, one after the other. */
  readonly phrases: readonly (readonly string[])[]
  readonly excluded: readonly Excluded[]
  /** What texts have said about beginnings of words, where the index does not tell. */
  readonly begun?: BegunWords
}

/** What a memory must not have: a beginning of a word, a phrase, or all of some terms. */
export type Excluded =
  { readonly prefix: string } | { readonly phrase: readonly string[] } | { readonly terms: readonly string[] }

export const EMPTY_QUERY: Query = { words: [], prefixes: [], phrases: [], excluded: [] }

/** So many different words of a query count, in their order. */
export const MOST_WORDS = 128

/** Most phrases, excluded words and prefixes of a query together. */
export const MOST_PARTS = 32

/** Shortest prefix: a single letter begins too many words. */
const SHORTEST_PREFIX = 2

const HAS_PARTS = /["“”„*]|(?:^|\s)-/u
const QUOTES = /[“”„]/gu

/** A quoted phrase (the second group), or what stands between spaces (the third). A dash before a phrase is the first group. */
const TOKENS = /(-?)"([^"]*)"|([^\s"]+)/gu
const EXCLUDED = /^-(?=[\p{L}\p{N}])/u

/** Reads the words of a query and its parts. Throws AppError `validation_failed` when there are too many parts. */
export function parseQuery(text: string): Query {
  if (!HAS_PARTS.test(text)) return { ...EMPTY_QUERY, words: withoutStopWords(words(text)).slice(0, MOST_WORDS) }
  const found = {
    words: [] as string[],
    prefixes: new Set<string>(),
    phrases: [] as string[][],
    excluded: [] as Excluded[],
  }
  for (const [, dash, phrase, token = ''] of text.replace(QUOTES, '"').matchAll(TOKENS)) {
    if (phrase !== undefined) addPhrase(words(phrase), dash === '-')
    else addToken(token.replace(EXCLUDED, ''), EXCLUDED.test(token))
  }
  if (found.prefixes.size + found.phrases.length + found.excluded.length > MOST_PARTS) throw tooManyParts()
  const telling = found.prefixes.size > 0 ? tellingWords(found.words) : withoutStopWords(found.words)
  return { ...found, prefixes: [...found.prefixes], words: telling.slice(0, MOST_WORDS) }

  function addPhrase(terms: string[], isExcluded: boolean): void {
    if (terms.length === 0) return
    if (isExcluded) found.excluded.push({ phrase: terms })
    else {
      found.phrases.push(terms)
      found.words.push(...terms)
    }
  }

  function addToken(token: string, isExcluded: boolean): void {
    const prefix = prefixOf(token)
    if (prefix === undefined) addWords(words(token), isExcluded)
    else if (isExcluded) found.excluded.push({ prefix })
    else found.prefixes.add(prefix)
  }

  function addWords(terms: string[], isExcluded: boolean): void {
    if (!isExcluded) found.words.push(...terms)
    else if (terms.length > 0) found.excluded.push({ terms })
  }
}

function prefixOf(token: string): string | undefined {
  if (!token.endsWith('*')) return undefined
  const word = wholeWord(token.slice(0, -1))
  return word !== undefined && word.length >= SHORTEST_PREFIX ? word : undefined
}

/** Beside a prefix, stop words are never looked for. */
function tellingWords(terms: readonly string[]): string[] {
  // A word that is no stop word keeps them away.
  return withoutStopWords([...terms, '*']).filter((word) => word !== '*')
}

function tooManyParts(): AppError {
  const message = `must have at most ${MOST_PARTS} phrases, excluded words and words with * together`
  return new AppError('validation_failed', { errors: [{ pointer: '/query', message }] })
}
