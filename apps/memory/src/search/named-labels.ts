import type { Segment } from './segment-format.ts'
import { stringAt } from './string-table.ts'
import { STOP_WORDS, words } from './words.ts'

/** Whether something holds for the label with this number. */
export type LabelTest = (number: number) => boolean

/** Whether the words of a query name a label: all of its words. */
export function namesLabel(segment: Segment, asked: readonly string[]): LabelTest {
  return remembered(segment, (own) => own.length > 0 && own.every((word) => asked.includes(word)))
}

/** Whether the words of a query name somebody: the first word of the name is enough. */
export function namesSpeaker(segment: Segment, asked: readonly string[]): LabelTest {
  return remembered(segment, ([first]) => first !== undefined && asked.includes(first))
}

/** Looks at each label once. */
function remembered({ strings }: Segment, test: (words: readonly string[]) => boolean): LabelTest {
  const known = new Map<number, boolean>([[0, false]])
  return (number) => {
    const told = known.get(number)
    if (told !== undefined) return told
    const found = test(words(stringAt(strings, number)).filter((word) => !STOP_WORDS.has(word)))
    known.set(number, found)
    return found
  }
}
