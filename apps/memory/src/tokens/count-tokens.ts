/** Counts tokens as models of the encoding TOKENIZER do. */
export interface TokenCounter {
  count(text: string): number
  /** The count if it is at most `limit`, else null; stops counting there. */
  countWithin(text: string, limit: number): number | null
}

/** The encoding of GPT-4o and what came after it; other models count some percent more or less. */
export const TOKENIZER = 'o200k_base'

/** Longest time that pieces of counted texts stay in the cache of the tokenizer, ms. */
const FORGET_MS = 60_000
/** Most pieces in that cache. */
const PIECES = 20_000

const RUN = 128
const SPACES = ' '.repeat(RUN)

/**
 * The time of byte pair encoding grows with the square of an unbroken run of characters, so runs are counted in parts of so many: a text
 * with longer ones has some tokens less than counted.
 */
const LONG_RUN = /[\p{L}\p{M}]{128}(?=[\p{L}\p{M}])|[^\s\p{L}\p{N}]{128}(?=[^\s\p{L}\p{N}])|\s{128}(?=\s)/gu

/** What reads like a control token of a model is text like any other. */
const PLAIN = { disallowedSpecial: new Set<string>() }

let loading: Promise<TokenCounter> | undefined

/** The counter of this process. Its tables, some 70 MB, are loaded when it is asked for first. */
export function loadTokenCounter(): Promise<TokenCounter> {
  loading ??= load()
  return loading
}

async function load(): Promise<TokenCounter> {
  const { clearMergeCache, countTokens, isWithinTokenLimit, setMergeCacheSize } =
    await import('gpt-tokenizer/encoding/o200k_base')
  setMergeCacheSize(PIECES)
  let forgetting: NodeJS.Timeout | undefined
  const forgetLater = (): void => {
    forgetting ??= setTimeout(() => {
      forgetting = undefined
      clearMergeCache()
    }, FORGET_MS).unref()
  }
  return {
    count(text) {
      forgetLater()
      return partsOf(text).reduce((sum, part) => sum + countTokens(part, PLAIN), 0)
    },
    countWithin(text, limit) {
      forgetLater()
      let sum = 0
      for (const part of partsOf(text)) {
        const more = isWithinTokenLimit(part, limit - sum, PLAIN)
        if (more === false) return null
        sum += more
      }
      return sum
    },
  }
}

function partsOf(text: string): string[] {
  if (!mayHaveLongRuns(text)) return [text]
  const parts: string[] = []
  let from = 0
  for (const { index, 0: run } of text.matchAll(LONG_RUN)) {
    parts.push(text.slice(from, (from = index + run.length)))
  }
  return [...parts, text.slice(from)]
}

/** Few texts go so far without a space, or are full of them: the others need no closer look. */
function mayHaveLongRuns(text: string): boolean {
  for (let from = 0; from < text.length;) {
    const space = text.indexOf(' ', from)
    const end = space === -1 ? text.length : space
    if (end - from > RUN) return true
    from = end + 1
  }
  return text.includes(SPACES)
}
