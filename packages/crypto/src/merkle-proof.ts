import { equalBytes } from './bytes.ts'
import { hashChildren } from './merkle-hash.ts'
import { subtreesOf } from './merkle-tree.ts'

/** A range of leaves whose hash a proof needs: `[begin, end)`. */
interface Range {
  readonly begin: number
  readonly end: number
}

/** Gives the hash of a complete subtree, by its height and its place among those of that height. */
export type NodeReader = (height: number, index: number) => Uint8Array

/** Coordinates of the complete subtrees that the proofs below read, so that they can be fetched at once. */
export function nodesForInclusion(index: number, size: number): { height: number; index: number }[] {
  return inclusionRanges(index, { begin: 0, end: size }).flatMap(({ begin, end }) => subtreesOf(begin, end))
}

/** The same for `proveConsistency`. */
export function nodesForConsistency(from: number, to: number): { height: number; index: number }[] {
  return consistencyRanges(from, { begin: 0, end: to }, true).flatMap(({ begin, end }) => subtreesOf(begin, end))
}

/**
 * Audit path of a leaf in a tree (RFC 6962 section 2.1.1), from the leaf upwards.
 * Throws RangeError unless `index < size`.
 */
export function proveInclusion(index: number, size: number, read: NodeReader): Buffer[] {
  if (!isCount(index) || !isCount(size) || index >= size) throw new RangeError('there is no such leaf in the tree')
  return inclusionRanges(index, { begin: 0, end: size }).map((range) => hashOf(range, read))
}

/**
 * Proof that the tree of size `from` is the beginning of the one of size `to` (RFC 6962 section 2.1.2).
 * Throws RangeError unless `0 < from <= to`.
 */
export function proveConsistency(from: number, to: number, read: NodeReader): Buffer[] {
  if (!isCount(from) || !isCount(to) || from === 0 || from > to) throw new RangeError('there is no such proof')
  return consistencyRanges(from, { begin: 0, end: to }, true).map((range) => hashOf(range, read))
}

/** Whether a leaf hash is at `index` of the tree with this size and root (RFC 9162 section 2.1.3.2). Never throws. */
export function verifyInclusion(
  leafHash: Uint8Array,
  index: number,
  size: number,
  path: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  if (!isCount(index) || !isCount(size) || index >= size) return false
  let [node, last, computed] = [index, size - 1, leafHash]
  for (const sibling of path) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      computed = hashChildren(sibling, computed)
      for (; node % 2 === 0 && node !== 0; node /= 2) last = Math.floor(last / 2)
    } else {
      computed = hashChildren(computed, sibling)
    }
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 && equalBytes(computed, root)
}

/** A size and the root of the tree of that size. */
export interface TreeHead {
  readonly size: number
  readonly root: Uint8Array
}

/** Whether the tree `from` is the beginning of the tree `to` (RFC 9162 section 2.1.4.2). Never throws. */
export function verifyConsistency(from: TreeHead, to: TreeHead, path: readonly Uint8Array[]): boolean {
  if (!isCount(from.size) || !isCount(to.size) || from.size === 0 || from.size > to.size) return false
  if (from.size === to.size) return path.length === 0 && equalBytes(from.root, to.root)
  // A complete tree is itself the first node of the proof.
  const nodes = isPowerOfTwo(from.size) ? [from.root, ...path] : [...path]
  const [first, ...rest] = nodes
  if (first === undefined) return false
  let [node, last] = [from.size - 1, to.size - 1]
  for (; node % 2 === 1; node = (node - 1) / 2) last = Math.floor(last / 2)
  let [before, after] = [first, first]
  for (const sibling of rest) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      before = hashChildren(sibling, before)
      after = hashChildren(sibling, after)
      for (; node % 2 === 0 && node !== 0; node /= 2) last = Math.floor(last / 2)
    } else {
      after = hashChildren(after, sibling)
    }
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 && equalBytes(before, from.root) && equalBytes(after, to.root)
}

/** Siblings on the way from a leaf to the root of a range, lowest first. */
function inclusionRanges(index: number, { begin, end }: Range): Range[] {
  if (end - begin <= 1) return []
  const middle = begin + splitOf(end - begin)
  return index < middle
    ? [...inclusionRanges(index, { begin, end: middle }), { begin: middle, end }]
    : [...inclusionRanges(index, { begin: middle, end }), { begin, end: middle }]
}

/** SUBPROOF of RFC 6962: `known` while the older tree is a whole range, whose root the verifier has. */
function consistencyRanges(from: number, { begin, end }: Range, known: boolean): Range[] {
  if (from === end) return known ? [] : [{ begin, end }]
  const middle = begin + splitOf(end - begin)
  return from <= middle
    ? [...consistencyRanges(from, { begin, end: middle }, known), { begin: middle, end }]
    : [...consistencyRanges(from, { begin: middle, end }, false), { begin, end: middle }]
}

function hashOf({ begin, end }: Range, read: NodeReader): Buffer {
  const hashes = subtreesOf(begin, end).map(({ height, index }) => read(height, index))
  const joined = hashes.reduceRight((right, left) => hashChildren(left, right))
  return Buffer.from(joined)
}

/** The largest power of two below `width`, which is 2 at least. */
function splitOf(width: number): number {
  let split = 1
  while (split * 2 < width) split *= 2
  return split
}

function isPowerOfTwo(size: number): boolean {
  return splitOf(size + 1) === size
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
