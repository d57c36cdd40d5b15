import { hash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EMPTY_ROOT, hashChildren, hashLeaf } from '../src/merkle-hash.ts'
import {
  nodesForConsistency,
  nodesForInclusion,
  proveConsistency,
  proveInclusion,
  verifyConsistency,
  verifyInclusion,
} from '../src/merkle-proof.ts'
import { appendLeaves, EMPTY_TREE, rootOf } from '../src/merkle-tree.ts'

/** Leaves of the test tree of Certificate Transparency, and the roots of the trees of the first 0 to 8 of them. */
const leaves = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
const roots = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]
const leafHashes = leaves.map((leaf) => hashLeaf(Buffer.from(leaf, 'hex')))
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

/** The definition of RFC 6962 section 2.1, as it stands there. */
function treeHash(hashes: readonly Uint8Array[]): Uint8Array {
  if (hashes.length === 0) return EMPTY_ROOT
  if (hashes.length === 1) return hashes[0]!
  let split = 1
  while (split * 2 < hashes.length) split *= 2
  return hashChildren(treeHash(hashes.slice(0, split)), treeHash(hashes.slice(split)))
}

const manyLeaves = (count: number) => Array.from({ length: count }, (_, n) => hashLeaf(Buffer.from(`leaf ${n}`)))

/** A tree with all its nodes. */
function grow(hashes: readonly Uint8Array[]) {
  const nodes = new Map<string, Uint8Array>()
  const tree = appendLeaves(EMPTY_TREE, hashes, (height, index, node) => nodes.set(`${height} ${index}`, node))
  const read = (height: number, index: number) => nodes.get(`${height} ${index}`)!
  return { tree, read, root: rootOf(tree) }
}

test('hashes of leaves and nodes are those of the standard', () => {
  expect(hex(hashLeaf(Buffer.alloc(0)))).toBe(roots[1])
  expect(hex(hashLeaf(Buffer.from('L123456')))).toBe('395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56')
  expect(hex(hashChildren(Buffer.from('N123'.padEnd(32, '\0')), Buffer.alloc(32)))).toBe(
    hex(
      hash(
        'sha256',
        Buffer.concat([Buffer.from([1]), Buffer.from('N123'.padEnd(32, '\0')), Buffer.alloc(32)]),
        'buffer',
      ),
    ),
  )
})

test.each(roots.map((root, size) => [size, root] as const))(
  'the root of the first %i leaves is known',
  (size, root) => {
    expect(hex(rootOf(appendLeaves(EMPTY_TREE, leafHashes.slice(0, size))))).toBe(root)
  },
)

test('a tree grows to the same root however its leaves are split into batches', () => {
  const batches = fc.array(fc.nat(40), { minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(batches, (sizes) => {
      const all = manyLeaves(sizes.reduce((sum, size) => sum + size, 0))
      let [tree, at] = [EMPTY_TREE, 0]
      for (const size of sizes) tree = appendLeaves(tree, all.slice(at, (at += size)))
      expect(hex(rootOf(tree))).toBe(hex(treeHash(all)))
    }),
  )
})

test('peaks that do not belong to the size are refused', () => {
  expect(() => appendLeaves({ size: 3, peaks: leafHashes.slice(0, 1) }, [])).toThrow('wrong type or length')
})

describe('a proof of inclusion', () => {
  const SIZE = 70
  const all = manyLeaves(SIZE)

  test('holds for every leaf of every tree, and for no other leaf, place or root', () => {
    for (let size = 1; size <= SIZE; size++) {
      const { read, root } = grow(all.slice(0, size))
      for (let index = 0; index < size; index++) {
        const path = proveInclusion(index, size, read)
        expect(verifyInclusion(all[index]!, index, size, path, root)).toBe(true)
        expect(verifyInclusion(all[(index + 1) % SIZE]!, index, size, path, root)).toBe(false)
        expect(verifyInclusion(all[index]!, index + 1, size, path, root)).toBe(false)
        expect(verifyInclusion(all[index]!, index, size, [...path, root], root)).toBe(false)
        if (size > 1) expect(verifyInclusion(all[index]!, index, size, path.slice(1), root)).toBe(false)
      }
    }
  })

  test('reads the nodes that it says it needs', () => {
    const { read } = grow(all)
    for (let index = 0; index < SIZE; index++) {
      const needed = new Set(nodesForInclusion(index, SIZE).map((node) => `${node.height} ${node.index}`))
      proveInclusion(index, SIZE, (height, at) => {
        expect(needed).toContain(`${height} ${at}`)
        return read(height, at)
      })
    }
  })

  test.each([
    [-1, 4],
    [4, 4],
    [0, 0],
    [0.5, 4],
    [0, Number.NaN],
  ])('is not there for leaf %d of %d', (index, size) => {
    const { read, root } = grow(all.slice(0, 4))
    expect(() => proveInclusion(index, size, read)).toThrow(RangeError)
    expect(verifyInclusion(all[0]!, index, size, [], root)).toBe(false)
  })
})

describe('a proof of consistency', () => {
  const SIZE = 40
  const all = manyLeaves(SIZE)
  const heads = Array.from({ length: SIZE + 1 }, (_, size) => ({ size, root: grow(all.slice(0, size)).root }))

  test('holds between any two trees of one log, and not for a changed root, size or path', () => {
    const { read } = grow(all)
    for (let from = 1; from <= SIZE; from++) {
      for (let to = from; to <= SIZE; to++) {
        const path = proveConsistency(from, to, read)
        expect(verifyConsistency(heads[from]!, heads[to]!, path)).toBe(true)
        if (from === to) continue
        expect(verifyConsistency({ size: from, root: heads[to]!.root }, heads[to]!, path)).toBe(false)
        expect(verifyConsistency(heads[from]!, { size: to, root: heads[from]!.root }, path)).toBe(false)
        expect(verifyConsistency(heads[from]!, heads[to]!, path.slice(1))).toBe(false)
        expect(verifyConsistency(heads[from]!, heads[to]!, [...path, heads[1]!.root])).toBe(false)
      }
    }
  })

  test('does not hold for a log in which a leaf was changed', () => {
    const changed = [...all]
    changed[5] = hashLeaf(Buffer.from('another'))
    const { read, root } = grow(changed)
    const path = proveConsistency(20, SIZE, read)
    expect(verifyConsistency(heads[20]!, { size: SIZE, root }, path)).toBe(false)
  })

  test('reads the nodes that it says it needs', () => {
    const { read } = grow(all)
    const needed = new Set(nodesForConsistency(13, SIZE).map((node) => `${node.height} ${node.index}`))
    proveConsistency(13, SIZE, (height, at) => {
      expect(needed).toContain(`${height} ${at}`)
      return read(height, at)
    })
  })

  test.each([
    [0, 4],
    [5, 4],
    [1.5, 4],
  ])('is not there from %d to %d', (from, to) => {
    expect(() => proveConsistency(from, to, grow(all).read)).toThrow(RangeError)
    expect(verifyConsistency({ size: from, root: EMPTY_ROOT }, heads[4]!, [])).toBe(false)
  })
})
