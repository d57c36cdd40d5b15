import { CryptoError } from './errors.ts'
import { EMPTY_ROOT, hashChildren } from './merkle-hash.ts'

/**
 * The complete subtrees that a tree of this size consists of, largest first (a "compact range"): all that is needed to
 * append to it and to know its root.
 */
export interface TreeState {
  readonly size: number
  readonly peaks: readonly Uint8Array[]
}

/** Told of each complete subtree as it comes about: its height, its place among those of that height, its hash. */
export type OnNode = (height: number, index: number, hash: Uint8Array) => void

/** A tree without leaves. */
export const EMPTY_TREE: TreeState = { size: 0, peaks: [] }

/**
 * The tree after the leaves with these hashes were appended (RFC 6962 section 2.1). Sizes stay below 2^53.
 * @throws CryptoError `invalid_bytes` when the peaks do not belong to a tree of that size.
 */
export function appendLeaves(
  tree: TreeState,
  leafHashes: readonly Uint8Array[],
  onNode: OnNode = () => undefined,
): TreeState {
  if (tree.peaks.length !== countOnes(tree.size)) throw new CryptoError('invalid_bytes')
  const peaks = [...tree.peaks]
  let { size } = tree
  for (const leafHash of leafHashes) {
    onNode(0, size, leafHash)
    let [node, height, rest] = [leafHash, 0, size]
    for (; rest % 2 === 1; rest = (rest - 1) / 2) {
      // A tree of odd size ends in a peak of this height.
      node = hashChildren(peaks.pop() ?? node, node)
      height += 1
      onNode(height, (rest - 1) / 2, node)
    }
    peaks.push(node)
    size += 1
  }
  return { size, peaks }
}

/** The root of a tree (RFC 6962 section 2.1). */
export function rootOf({ peaks }: TreeState): Buffer {
  const root = peaks.reduceRight<Uint8Array | undefined>(
    (right, left) => (right === undefined ? left : hashChildren(left, right)),
    undefined,
  )
  return Buffer.from(root ?? EMPTY_ROOT)
}

/** Complete subtrees that a range of leaves consists of, from left to right, as height and index. */
export function subtreesOf(begin: number, end: number): { readonly height: number; readonly index: number }[] {
  const subtrees: { height: number; index: number }[] = []
  for (let at = begin; at < end;) {
    let [height, width] = [0, 1]
    while (at % (width * 2) === 0 && at + width * 2 <= end) {
      width *= 2
      height += 1
    }
    subtrees.push({ height, index: at / width })
    at += width
  }
  return subtrees
}

function countOnes(size: number): number {
  let [ones, rest] = [0, size]
  for (; rest > 0; rest = Math.floor(rest / 2)) ones += rest % 2
  return ones
}
