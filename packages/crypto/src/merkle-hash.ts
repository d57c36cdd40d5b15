import { hash } from 'node:crypto'

/** Bytes of a hash. */
export const HASH_LENGTH = 32

/** Root of a tree without leaves: SHA-256 of nothing (RFC 6962 section 2.1). */
export const EMPTY_ROOT = hash('sha256', '', 'buffer')

const NODE = Buffer.alloc(1 + 2 * HASH_LENGTH, 1)

/** Hash of a leaf: SHA-256 of 0x00 and its bytes (RFC 6962 section 2.1). */
export function hashLeaf(leaf: Uint8Array): Buffer {
  const prefixed = Buffer.allocUnsafe(1 + leaf.length)
  prefixed[0] = 0
  prefixed.set(leaf, 1)
  return hash('sha256', prefixed, 'buffer')
}

/** Hash of a node: SHA-256 of 0x01 and the hashes of its two children (RFC 6962 section 2.1). */
export function hashChildren(left: Uint8Array, right: Uint8Array): Buffer {
  NODE.set(left, 1)
  NODE.set(right, 1 + HASH_LENGTH)
  return hash('sha256', NODE, 'buffer')
}
