import type { Memory } from '@memoric/contracts/memory-contract.ts'
import { wholeWords, words } from './words.ts'

/** By id of a memory, how many of its words begin with a prefix whose stems do not tell. */
export type BegunWords = ReadonlyMap<string, ReadonlyMap<string, number>>

/** What of a memory is searched. */
export type Searchable = Pick<Memory, 'content' | 'speaker' | 'topic' | 'category' | 'entities' | 'tags'>

/** All texts of a memory that are searched. */
export function textsOf({ content, speaker, topic, category, entities, tags }: Searchable): string[] {
  return [content, speaker, topic, category, ...entities, ...tags].filter((text) => text !== null)
}

/** How many words of a memory begin with each of the prefixes, but for those whose stems tell it; nothing for those that none does. */
export function countBegun(memory: Searchable, prefixes: readonly string[]): Map<string, number> {
  const all = textsOf(memory).flatMap(wholeWords)
  const counts = new Map<string, number>()
  for (const prefix of prefixes) {
    const own = words(prefix)
    const isTold = (stem: string) => stem.startsWith(prefix) || own.includes(stem)
    const begun = all.filter((word) => word.startsWith(prefix) && !words(word).some(isTold))
    if (begun.length > 0) counts.set(prefix, begun.length)
  }
  return counts
}
