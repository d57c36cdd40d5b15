import { compareIds, findId, ID_WORDS, idWords } from '../search/memory-ids.ts'
import type { QuantisedVector } from './quantise.ts'

/** The bytes `MVEC`, read as a number on a machine that stores the lowest byte first. */
const MAGIC = 0x4345564d

/** Another number for every change of the layout. */
export const VECTOR_FORMAT = 1

/** Magic, format, count and dimensions. */
const HEADER_WORDS = 4

/** Words of the hash of a text. */
const HASH_WORDS = 4

/** Words of a vector besides its bytes: id, hash, version, seq, scale. */
const WORDS = ID_WORDS + HASH_WORDS + 3

/** The vector of one version of a memory. */
export interface MemoryVector extends QuantisedVector {
  readonly id: string
  readonly version: number
  readonly seq: number
  /** 16 bytes in hex. */
  readonly textHash: string
}

/** Vectors in the order of the ids of their memories, as views of bytes. */
export interface VectorBlock {
  readonly bytes: Uint8Array
  readonly count: number
  readonly dimensions: number
  readonly ids: Uint32Array
  readonly hashes: Uint32Array
  readonly versions: Uint32Array
  readonly sequences: Uint32Array
  readonly scales: Float32Array
  /** `dimensions` bytes a vector. */
  readonly values: Int8Array
}

/** A vector of a block. */
export interface VectorPlace {
  readonly block: VectorBlock
  readonly at: number
}

/** Makes a block of vectors of the same dimensions, one at most of each memory. */
export function buildBlock(vectors: readonly MemoryVector[]): VectorBlock {
  const sorted = vectors.toSorted((one, other) => (one.id < other.id ? -1 : 1))
  const block = emptyBlock(sorted.length, sorted[0]?.values.length ?? 0)
  for (const [at, { id, version, seq, textHash, values, scale }] of sorted.entries()) {
    block.ids.set(idWords(id), at * ID_WORDS)
    block.hashes.set(hashWords(textHash), at * HASH_WORDS)
    block.versions[at] = version
    block.sequences[at] = seq
    block.scales[at] = scale
    block.values.set(values, at * block.dimensions)
  }
  return block
}

/** A block of some vectors of others, all of the same dimensions; `chosen` must be in the order of their ids. */
export function gatherBlock(chosen: readonly VectorPlace[]): VectorBlock {
  const block = emptyBlock(chosen.length, chosen[0]?.block.dimensions ?? 0)
  const { dimensions } = block
  for (const [to, { block: source, at }] of chosen.entries()) {
    block.ids.set(source.ids.subarray(at * ID_WORDS, (at + 1) * ID_WORDS), to * ID_WORDS)
    block.hashes.set(source.hashes.subarray(at * HASH_WORDS, (at + 1) * HASH_WORDS), to * HASH_WORDS)
    block.versions[to] = source.versions[at] ?? 0
    block.sequences[to] = source.sequences[at] ?? 0
    block.scales[to] = source.scales[at] ?? 0
    block.values.set(source.values.subarray(at * dimensions, (at + 1) * dimensions), to * dimensions)
  }
  return block
}

/** A block over its bytes, which must be what `buildBlock` made; undefined for bytes that cannot be a block. */
export function openBlock(bytes: Uint8Array): VectorBlock | undefined {
  const { buffer, byteOffset, length } = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes)
  if (length < HEADER_WORDS * 4) return undefined
  const [magic, format, count = 0, dimensions = 0] = new Uint32Array(buffer, byteOffset, HEADER_WORDS)
  if (magic !== MAGIC || format !== VECTOR_FORMAT || length !== sizeOf(count, dimensions)) return undefined
  return viewOf(new Uint8Array(buffer, byteOffset, length), count, dimensions)
}

/** The vector of a memory, or undefined. */
export function findVector(block: VectorBlock, id: Uint32Array): VectorPlace | undefined {
  const at = findId(block.ids, id)
  return at === -1 ? undefined : { block, at }
}

/** The hash of a text as a key of a map. */
export function hashAt({ hashes }: VectorBlock, at: number): string {
  const words = hashes.subarray(at * HASH_WORDS, (at + 1) * HASH_WORDS)
  return Array.from(words, (word) => word.toString(16).padStart(8, '0')).join('')
}

/** A copy of one vector. */
export function vectorAt({ block, at }: VectorPlace): QuantisedVector {
  const { dimensions, values, scales } = block
  return { values: values.slice(at * dimensions, (at + 1) * dimensions), scale: scales[at] ?? 0 }
}

/** All vectors of blocks in the order of their ids; of one memory the newest version alone. */
export function newestOf(blocks: readonly VectorBlock[]): VectorPlace[] {
  const all = blocks.flatMap((block) => Array.from({ length: block.count }, (_, at): VectorPlace => ({ block, at })))
  all.sort((one, other) => compare(one, other) || versionOf(other) - versionOf(one))
  return all.filter((place, at) => {
    const before = all[at - 1]
    return before === undefined || compare(before, place) !== 0
  })
}

function compare(one: VectorPlace, other: VectorPlace): number {
  return compareIds(one.block.ids, one.at, other.block.ids, other.at)
}

function versionOf({ block, at }: VectorPlace): number {
  return block.versions[at] ?? 0
}

function emptyBlock(count: number, dimensions: number): VectorBlock {
  const bytes = new Uint8Array(sizeOf(count, dimensions))
  new Uint32Array(bytes.buffer, 0, HEADER_WORDS).set([MAGIC, VECTOR_FORMAT, count, dimensions])
  return viewOf(bytes, count, dimensions)
}

function sizeOf(count: number, dimensions: number): number {
  return (HEADER_WORDS + count * WORDS) * 4 + count * dimensions
}

function viewOf(bytes: Uint8Array, count: number, dimensions: number): VectorBlock {
  let next = bytes.byteOffset + HEADER_WORDS * 4
  const place = (words: number): [ArrayBufferLike, number, number] => {
    const start = next
    next += words * 4
    return [bytes.buffer, start, words]
  }
  const words = (each: number) => new Uint32Array(...place(count * each))
  return {
    bytes,
    count,
    dimensions,
    ids: words(ID_WORDS),
    hashes: words(HASH_WORDS),
    versions: words(1),
    sequences: words(1),
    scales: new Float32Array(...place(count)),
    values: new Int8Array(bytes.buffer, next, count * dimensions),
  }
}

function hashWords(hex: string): number[] {
  return Array.from({ length: HASH_WORDS }, (_, at) => Number.parseInt(hex.slice(at * 8, at * 8 + 8), 16))
}
