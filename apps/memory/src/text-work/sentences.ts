import { words } from '../search/words.ts'
import type { SourceText } from './summarise.ts'

export interface Sentence {
  readonly sourceId: string
  readonly text: string
  /** 0 for the first of its text. */
  readonly position: number
  readonly terms: readonly string[]
}

const SPACE = /\s+/gu

let segmenter: Intl.Segmenter | undefined

/** The sentences of a text in any language; those without a word are left out. */
export function sentencesOf({ id, text }: SourceText): Sentence[] {
  // Made when it is needed: it takes some milliseconds.
  segmenter ??= new Intl.Segmenter('en', { granularity: 'sentence' })
  const sentences: Sentence[] = []
  for (const { segment } of segmenter.segment(text)) {
    const terms = words(segment)
    if (terms.length === 0) continue
    sentences.push({ sourceId: id, text: segment.replace(SPACE, ' ').trim(), position: sentences.length, terms })
  }
  return sentences
}
