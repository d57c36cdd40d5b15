import type { Origins } from './gather-columns.ts'
import type { Ragged, Segment } from './segment-format.ts'
import { createStringTable, renumber, stringAt, type StringTable } from './string-table.ts'

/**
 * The strings that gathered labels and lists use. Gives them the numbers of the new segment in the place of those of their
 * sources.
 */
export function mergeStrings(
  { sources }: Origins,
  segments: readonly Segment[],
  labels: readonly Uint32Array[],
  lists: readonly Ragged<Uint32Array>[],
): Ragged<Uint8Array> {
  const table = createStringTable()
  const readers = segments.map((segment) => createReader(segment, table))
  const read = (at: number, number: number): number => readers[sources[at] ?? 0]?.(number) ?? 0
  for (const numbers of labels) {
    for (let at = 0; at < numbers.length; at++) numbers[at] = read(at, numbers[at] ?? 0)
  }
  for (const { starts, values } of lists) {
    for (let at = 0; at < sources.length; at++) {
      for (let place = starts[at] ?? 0; place < (starts[at + 1] ?? 0); place++)
        values[place] = read(at, values[place] ?? 0)
    }
  }
  const { strings, finalNumbers } = table.finish()
  for (const numbers of labels) renumber(numbers, finalNumbers)
  for (const { values } of lists) renumber(values, finalNumbers)
  return strings
}

/** Takes each string of a segment into the table once, when it is asked for first. */
function createReader({ strings }: Segment, table: StringTable): (number: number) => number {
  const known = new Uint32Array(strings.starts.length)
  return (number) => {
    if (number === 0) return 0
    return (known[number] ||= table.number(stringAt(strings, number)))
  }
}
