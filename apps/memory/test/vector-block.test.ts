import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { embeddingText, modelFingerprint, queryText } from '../src/embeddings/embedding-text.ts'
import { choose } from '../src/embeddings/merge-blocks.ts'
import { dotProduct, quantise, widen } from '../src/embeddings/quantise.ts'
import {
  buildBlock,
  findVector,
  gatherBlock,
  hashAt,
  type MemoryVector,
  newestOf,
  openBlock,
  vectorAt,
  VECTOR_FORMAT,
} from '../src/embeddings/vector-block.ts'
import { idAt, idWords } from '../src/search/memory-ids.ts'

const idOf = (at: number) => `01234567-89ab-7def-8123-${at.toString(16).padStart(12, '0')}`

function vectorFor(at: number, version = 1, dimensions = 5): MemoryVector {
  const values = Array.from({ length: dimensions }, (_, place) => Math.sin(at * 7 + place + version))
  return { ...quantise(values), id: idOf(at), version, seq: at + 1, textHash: at.toString(16).padStart(32, 'a') }
}

test('a block gives back what was put in, in the order of the ids, wherever its bytes lie', () => {
  const vectors = [3, 1, 2].map((at) => vectorFor(at))
  const { bytes } = buildBlock(vectors)
  const elsewhere = new Uint8Array(bytes.length + 1).subarray(1)
  elsewhere.set(bytes)
  for (const each of [bytes, elsewhere]) {
    const block = openBlock(each)!
    expect([block.count, block.dimensions]).toEqual([3, 5])
    for (const { id, version, seq, textHash, values, scale } of vectors) {
      const found = findVector(block, idWords(id))!
      expect(vectorAt(found)).toEqual({ values, scale })
      expect([block.versions[found.at], block.sequences[found.at], hashAt(block, found.at)]).toEqual([
        version,
        seq,
        textHash,
      ])
    }
    expect(findVector(block, idWords(idOf(9)))).toBeUndefined()
  }
})

test('bytes that cannot be a block are none', () => {
  const { bytes } = buildBlock([vectorFor(1), vectorFor(2)])
  expect(openBlock(new Uint8Array())).toBeUndefined()
  for (const cut of [1, 4, 16, bytes.length - 1]) expect(openBlock(bytes.slice(0, cut))).toBeUndefined()
  expect(openBlock(Uint8Array.of(...bytes, 0))).toBeUndefined()
  for (const at of [0, 4, 8, 12]) expect(openBlock(bytes.with(at, bytes[at]! + 1))).toBeUndefined()
})

test('the bytes of a format never change: what changes them needs another VECTOR_FORMAT', () => {
  const { bytes } = buildBlock([2, 0, 1].map((at) => vectorFor(at, 3)))
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 16)
  expect([VECTOR_FORMAT, bytes.length, digest]).toMatchInlineSnapshot(`
    [
      1,
      163,
      "b24fd17057c16811",
    ]
  `)
})

test('of several versions of a memory the newest stays', () => {
  const blocks = [
    buildBlock([vectorFor(1, 2), vectorFor(2)]),
    buildBlock([vectorFor(1, 1), vectorFor(3)]),
    buildBlock([vectorFor(1, 3)]),
  ]
  const merged = gatherBlock(newestOf(blocks))
  const found = Array.from({ length: merged.count }, (_, at) => [idAt(merged.ids, at), merged.versions[at]])
  expect(found).toEqual([
    [idOf(1), 3],
    [idOf(2), 1],
    [idOf(3), 1],
  ])
})

test('a vector in bytes is of length 1 and points nearly where it pointed', () => {
  const element = fc.double({ min: -1e6, max: 1e6, noNaN: true })
  fc.assert(
    fc.property(fc.array(element, { minLength: 1, maxLength: 40 }), (vector) => {
      const length = Math.hypot(...vector)
      fc.pre(length > 1e-6)
      const { values, scale } = quantise(vector)
      const wide = widen(values)
      expect(dotProduct(values, 0, wide)).toBe(values.reduce((sum, value) => sum + value * value, 0))
      expect(dotProduct(values, 0, wide) * scale * scale).toBeCloseTo(1, 5)
      const cosine = vector.reduce((sum, each, at) => sum + (each / length) * (values[at] ?? 0) * scale, 0)
      expect(cosine).toBeGreaterThan(0.99)
    }),
  )
  for (const none of [[], [0, 0], [Number.NaN], [Infinity, 1]]) expect(() => quantise(none)).toThrow(RangeError)
})

test('small blocks are merged when there are many, and no more than fit', () => {
  const sizes = (vectors: readonly number[], bytes = 1000) =>
    vectors.map((count, at) => ({ block_id: String(at), vectors: count, bytes }))
  expect(choose(sizes([1, 1, 1, 1, 1, 1, 1]))).toEqual([])
  expect(choose(sizes([1, 1, 900, 1, 1, 1, 1, 1, 1]))).toEqual(['0', '1', '3', '4', '5', '6', '7', '8'])
  expect(choose(sizes([100, 100, 100, 100, 100, 100, 100, 100]))).toHaveLength(8)
  expect(choose(sizes([1500, 1, 1, 1, 1]))).toEqual([])
  expect(choose(sizes([1900, 1900, 1900, 1900], 2_000_000))).toEqual(['0', '1'])
  expect(choose(sizes([1900, 1900, 1900, 1900], 4_000_000))).toHaveLength(1)
  expect(choose(sizes([5000, 5000, 5000, 5000, 5000]))).toEqual([])
})

test('a model is given who said it and what, and of a query what is looked for', () => {
  expect(embeddingText({ speaker: 'Ada', content: 'tea' })).toBe('Ada: tea')
  expect(embeddingText({ speaker: null, content: '\ud800'.repeat(9000) })).toBe('\ufffd'.repeat(8000))
  expect(queryText('“green tea” -milk -"hot cup" well-known memor* - x')).toBe('green tea well-known memor - x')
  expect(queryText('-milk "')).toBe('')
  expect(modelFingerprint('a', undefined)).not.toBe(modelFingerprint('a', 3))
  expect(modelFingerprint('a', undefined)).toMatch(/^[0-9a-f]{32}$/)
})
