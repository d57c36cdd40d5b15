/** Words of 32 bits in an id, the most significant first. */
export const ID_WORDS = 4

/** Writes the id of document `at` into a column of ids. */
export function writeId(words: Uint32Array, at: number, id: string): void {
  const hex = id.replaceAll('-', '')
  for (let word = 0; word < ID_WORDS; word++) {
    words[at * ID_WORDS + word] = Number.parseInt(hex.slice(word * 8, word * 8 + 8), 16)
  }
}

/** The words of one id. */
export function idWords(id: string): Uint32Array {
  const words = new Uint32Array(ID_WORDS)
  writeId(words, 0, id)
  return words
}

/** The id of document `at`, as a UUID in lower case. */
export function idAt(words: Uint32Array, at: number): string {
  const bytes = Buffer.allocUnsafe(ID_WORDS * 4)
  for (let word = 0; word < ID_WORDS; word++) bytes.writeUInt32BE(words[at * ID_WORDS + word] ?? 0, word * 4)
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** Compares document `at` of one column with document `otherAt` of another: below, at or above zero, as their texts compare. */
export function compareIds(words: Uint32Array, at: number, others: Uint32Array, otherAt: number): number {
  for (let word = 0; word < ID_WORDS; word++) {
    const difference = (words[at * ID_WORDS + word] ?? 0) - (others[otherAt * ID_WORDS + word] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** The first document of a sorted column whose id is not below document `otherAt` of another column. */
export function lowerBound(words: Uint32Array, others: Uint32Array, otherAt: number): number {
  let low = 0
  let high = words.length / ID_WORDS
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareIds(words, middle, others, otherAt) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** The document of a sorted column that has this id, or -1. */
export function findId(words: Uint32Array, id: Uint32Array): number {
  const at = lowerBound(words, id, 0)
  return at * ID_WORDS < words.length && compareIds(words, at, id, 0) === 0 ? at : -1
}
