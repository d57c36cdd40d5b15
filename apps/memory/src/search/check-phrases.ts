import { countBegun, type Searchable, textsOf } from './begun-words.ts'
import type { Query } from './parse-query.ts'
import { words } from './words.ts'

/** Whether a query asks for an order of words, which the index does not know. */
export function needsTexts(query: Query): boolean {
  return wantedIn(query).length + unwantedIn(query).length > 0
}

/**
 * Tells whether a memory has all phrases of a query, and none that it excludes, each in its content or in one of its labels; and no word that
 * begins as it must not.
 */
export function createPhraseCheck(query: Query): (memory: Searchable) => boolean {
  const [wanted, unwanted] = [wantedIn(query), unwantedIn(query)]
  const prefixes = query.excluded.flatMap((each) => ('prefix' in each ? [each.prefix] : []))
  if (wanted.length + unwanted.length + prefixes.length === 0) return () => true
  return (memory) => {
    if (countBegun(memory, prefixes).size > 0) return false
    const texts = textsOf(memory).map(words)
    const has = (phrase: readonly string[]) => texts.some((text) => hasSequence(text, phrase))
    return wanted.every(has) && !unwanted.some(has)
  }
}

/** One word is in the index as it is. */
function wantedIn({ phrases }: Query): readonly (readonly string[])[] {
  return phrases.filter(({ length }) => length > 1)
}

function unwantedIn({ excluded }: Query): readonly (readonly string[])[] {
  return excluded.flatMap((each) => ('phrase' in each && each.phrase.length > 1 ? [each.phrase] : []))
}

function hasSequence(text: readonly string[], phrase: readonly string[]): boolean {
  const [first = ''] = phrase
  for (let at = text.indexOf(first); at !== -1; at = text.indexOf(first, at + 1)) {
    if (phrase.every((word, offset) => text[at + offset] === word)) return true
  }
  return false
}
