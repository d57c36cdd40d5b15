/** At each end: digits, signs and spaces. */
const PADDING = /^[^\p{L}]{1,8}|[^\p{L}]{1,8}$/gu
const SEPARATORS = /[\s\p{P}\p{S}]+/gu

/** One spelling for what people take for the same text: Unicode NFKC, small letters. */
export function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase()
}

/**
 * A text in small letters and what is behind it: without a little padding at its ends, without separators, and once instead of
 * repeated. Two texts that share a form are hardly different as passwords.
 */
export function formsOf(text: string): ReadonlySet<string> {
  const folded = fold(text)
  const padded = [folded, folded.replace(PADDING, '')]
  const joined = padded.map((form) => form.replace(SEPARATORS, ''))
  const all = [...padded, ...joined, ...joined.map(repeatedUnit)]
  return new Set(all.filter((form) => form.length >= 3))
}

/** The shortest text that a text repeats, the last time perhaps in part; the text itself when it repeats nothing. */
export function repeatedUnit(text: string): string {
  for (let length = 1; length <= text.length / 2; length += 1) {
    if (text.startsWith(text.slice(length))) return text.slice(0, length)
  }
  return text
}

/** Whether nearly every character is the one before it or its neighbour: 1234567890, aabbccdd. */
export function isSequence(text: string): boolean {
  const points = Array.from(fold(text), (character) => character.codePointAt(0) ?? 0)
  const breaks = points.filter((point, index) => index > 0 && !areNeighbours(points[index - 1] ?? 0, point)).length
  return breaks * 5 < points.length
}

function areNeighbours(a: number, b: number): boolean {
  const [zero, nine] = [0x30, 0x39]
  return Math.abs(a - b) <= 1 || (a === nine && b === zero) || (a === zero && b === nine)
}
