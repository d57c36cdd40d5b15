import type { Ragged } from './segment-format.ts'

/** Numbers strings as they come, and in their order once all are known. */
export interface StringTable {
  /** A number that stands for the string until `finish`; 0 for none. */
  number(text: string | null): number
  finish(): FinishedStrings
}

export interface FinishedStrings {
  readonly strings: Ragged<Uint8Array>
  /** The final number of each number that was handed out. */
  readonly finalNumbers: Uint32Array
}

export function createStringTable(): StringTable {
  const numbers = new Map<string, number>()
  return {
    number(text) {
      if (text === null) return 0
      const known = numbers.get(text)
      if (known !== undefined) return known
      numbers.set(text, numbers.size + 1)
      return numbers.size
    },
    finish() {
      const finalNumbers = new Uint32Array(numbers.size + 1)
      const texts = [...numbers.keys()].sort()
      for (const [at, text] of texts.entries()) finalNumbers[numbers.get(text) ?? 0] = at + 1
      return { strings: encodeStrings(texts), finalNumbers }
    },
  }
}

/** Puts the final numbers in the place of those that were handed out. */
export function renumber(values: Uint32Array, finalNumbers: Uint32Array): void {
  for (const [at, number] of values.entries()) values[at] = finalNumbers[number] ?? 0
}

function encodeStrings(texts: readonly string[]): Ragged<Uint8Array> {
  const starts = new Uint32Array(texts.length + 1)
  let end = 0
  for (const [at, text] of texts.entries()) starts[at + 1] = end += Buffer.byteLength(text)
  return { starts, values: Buffer.from(texts.join('')) }
}

/** The string with this number. */
export function stringAt({ starts, values }: Ragged<Buffer>, number: number): string {
  return values.toString('utf8', starts[number - 1], starts[number])
}

/** The number of a string, or 0 when the segment does not have it: compared as it is, so that no two names are taken for one. */
export function findString(strings: Ragged<Buffer>, text: string): number {
  let low = 1
  let high = strings.starts.length - 1
  while (low <= high) {
    const middle = (low + high) >>> 1
    const there = stringAt(strings, middle)
    if (there === text) return middle
    if (there < text) low = middle + 1
    else high = middle - 1
  }
  return 0
}
