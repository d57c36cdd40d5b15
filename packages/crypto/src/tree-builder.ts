import { CryptoError } from './errors.ts'
import { EMPTY_ROOT, hashChildren } from './merkle-hash.ts'

/** A tree that is put together from left to right, leaf by leaf or by whole subtrees. */
export interface TreeBuilder {
  /** Leaves so far. */
  readonly size: () => number
  /**
   * Adds a complete subtree of 2^height leaves. @throws CryptoError `invalid_fields` where none of this height can begin.
   */
  readonly append: (height: number, hash: Uint8Array) => void
  /** Root of the tree so far (RFC 6962 section 2.1). */
  readonly root: () => Uint8Array
}

/** An empty tree. */
export function createTreeBuilder(): TreeBuilder {
  const peaks: { readonly height: number; readonly hash: Uint8Array }[] = []
  let size = 0
  return {
    size: () => size,
    append(height, hash) {
      if (size % 2 ** height !== 0) throw new CryptoError('invalid_fields')
      size += 2 ** height
      let [node, at] = [hash, height]
      for (let last = peaks.at(-1); last?.height === at; last = peaks.at(-1)) {
        peaks.pop()
        node = hashChildren(last.hash, node)
        at += 1
      }
      peaks.push({ height: at, hash: node })
    },
    root: () => peaks.reduceRight<Uint8Array | undefined>(joined, undefined) ?? EMPTY_ROOT,
  }
}

function joined(right: Uint8Array | undefined, { hash }: { readonly hash: Uint8Array }): Uint8Array {
  return right === undefined ? hash : hashChildren(hash, right)
}
