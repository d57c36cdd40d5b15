import { createHash } from 'node:crypto'
import type { JsonValue } from '@memoric/contracts/text.ts'

/** Longest path, and longest value, that stands in a leaf as it is; longer ones stand as their hash. */
const MAX_PLAIN = 64

/** Most leaves that a memory is indexed by. */
export const MAX_LEAVES = 256

/** In the place of leaves when there are too many: whether such metadata contain something, only they themselves can tell. */
export const TOO_MANY_LEAVES = '*'

/**
 * Every different scalar of some metadata with the path to it, as text: `."place"."rooms"[]."n"=12`. Elements of an array share
 * a path. What contains a value has all of its leaves. Keys are quoted, so no two paths look the same.
 * Undefined when there are more than MAX_LEAVES.
 */
export function leavesOf(metadata: JsonValue): string[] | undefined {
  const leaves = new Set<string>()
  collect(metadata, '', leaves)
  return leaves.size > MAX_LEAVES ? undefined : [...leaves]
}

/**
 * Whether having all the leaves of `part` means containing it: true but for empty arrays and objects, and for arrays whose
 * elements are more than one leaf, which one element of the other side must have together.
 */
export function isToldByLeaves(part: JsonValue): boolean {
  if (typeof part !== 'object' || part === null) return true
  if (Array.isArray(part))
    return part.length > 0 && part.every((element) => isToldByLeaves(element) && isOneLeaf(element))
  const members = Object.values(part)
  return members.length > 0 && members.every(isToldByLeaves)
}

function isOneLeaf(value: JsonValue): boolean {
  if (typeof value !== 'object' || value === null) return true
  const members = Object.values(value)
  return members.length === 1 && members.every(isOneLeaf)
}

function collect(value: JsonValue, path: string, leaves: Set<string>): void {
  if (leaves.size > MAX_LEAVES) return
  if (Array.isArray(value)) {
    const within = shortened(`${path}[]`)
    for (const element of value) collect(element, within, leaves)
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, member] of Object.entries(value))
      collect(member, shortened(`${path}.${JSON.stringify(key)}`), leaves)
  } else {
    leaves.add(`${path}=${shortened(JSON.stringify(value))}`)
  }
}

/** A hash begins as neither a path nor a value does. */
function shortened(text: string): string {
  return text.length <= MAX_PLAIN ? text : `#${createHash('sha256').update(text).digest('base64url')}`
}
