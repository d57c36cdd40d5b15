/** A vector in bytes: element `i` of the unit vector is about `values[i] * scale`. */
export interface QuantisedVector {
  readonly values: Int8Array
  readonly scale: number
}

const MOST = 127

/** Rounds a vector to bytes; the scale makes a unit vector of them, however long it was. Throws RangeError for one without direction. */
export function quantise(vector: readonly number[]): QuantisedVector {
  let largest = 0
  for (const element of vector) largest = Math.max(largest, Math.abs(element))
  if (!(largest > 0 && largest < Infinity)) throw new RangeError('a vector without direction')
  const values = new Int8Array(vector.length)
  for (let at = 0; at < values.length; at++) values[at] = Math.round(((vector[at] ?? 0) / largest) * MOST)
  return { values, scale: Math.fround(1 / Math.sqrt(dotProduct(values, 0, widen(values)))) }
}

/** The elements of a vector as they are fastest to multiply with. */
export function widen(values: Int8Array): Int32Array {
  return Int32Array.from(values)
}

/** The sum of products of `one[at..]` and all of `other`: exact. Two sums side by side, which take turns in the processor. */
export function dotProduct(one: Int8Array, at: number, other: Int32Array): number {
  const { length } = other
  const even = length - (length % 2)
  let first = 0
  let second = 0
  for (let place = 0; place < even; place += 2) {
    first = (first + Math.imul(one[at + place] ?? 0, other[place] ?? 0)) | 0
    second = (second + Math.imul(one[at + place + 1] ?? 0, other[place + 1] ?? 0)) | 0
  }
  if (even < length) first += Math.imul(one[at + even] ?? 0, other[even] ?? 0)
  return first + second
}
