import { words } from '../search/words.ts'

/** A content as it is compared with others. */
export interface Comparable {
  readonly text: string
  /** Too short to be taken for a part of another: "yes" is an answer of its own. */
  readonly isShort: boolean
}

const LEAST_WORDS = 3

const SPACE = /\s+/gu
const AROUND = /^[\s\p{P}]+|[\s\p{P}]+$/gu

/** Scripts that put spaces between words: elsewhere a part of a text may begin anywhere. */
const SPACED = /[[\p{L}\p{N}]--[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}]]/v

/** Case, spaces and punctuation at the ends make no difference. */
export function comparable(content: string): Comparable {
  const text = content.normalize('NFKC').toLowerCase().replace(SPACE, ' ').replace(AROUND, '')
  return { text, isShort: words(text).length < LEAST_WORDS }
}

/** Whether one content is all in another, and not the same. */
export function isPart(part: Comparable, whole: Comparable): boolean {
  if (part.isShort || part.text.length >= whole.text.length) return false
  for (let at = whole.text.indexOf(part.text); at !== -1; at = whole.text.indexOf(part.text, at + 1)) {
    if (isBoundary(whole.text, at) && isBoundary(whole.text, at + part.text.length)) return true
  }
  return false
}

/** Whether no word goes on across a place. */
function isBoundary(text: string, at: number): boolean {
  return !(SPACED.test(text.charAt(at - 1)) && SPACED.test(text.charAt(at)))
}
