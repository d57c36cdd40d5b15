import { createHmac, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalJson } from '../src/canonical-json.ts'
import { commitTo } from '../src/commitment.ts'
import { hashLeaf } from '../src/merkle-hash.ts'
import { appendLeaves, EMPTY_TREE, rootOf, subtreesOf } from '../src/merkle-tree.ts'
import { levelOf, nodeOfTile, tileOf } from '../src/tlog-tiles.ts'
import { encodeTlogProof, parseTlogProof } from '../src/tlog-proof.ts'
import { createTreeBuilder } from '../src/tree-builder.ts'
import { encodeWitnessRequest, parseWitnessRequest } from '../src/witness-request.ts'

const CHECKPOINT = 'example.com/log\n3\nAAAA\n\n\u2014 example.com/log AAAAAAA=\n'
const path = [randomBytes(32), randomBytes(32)]
const leaves = (count: number) => Array.from({ length: count }, (_, at) => hashLeaf(Buffer.from(`${at}`)))
const refused = expect.objectContaining({ code: 'invalid_box' })

test('a commitment is the HMAC-SHA-256 of the canonical text under the salt', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.jsonValue(), (salt, value) => {
      const text = canonicalJson(value)
      expect(commitTo(salt, value)).toBe(createHmac('sha256', salt).update(text).digest('base64'))
    }),
  )
  expect(() => commitTo(randomBytes(31), {})).toThrow(expect.objectContaining({ code: 'invalid_bytes' }))
})

describe('a .tlog-proof file', () => {
  const text = encodeTlogProof({ index: 5, path, checkpoint: CHECKPOINT })

  test('is as C2SP tlog-proof says, and is read again', () => {
    const hashes = path.map((hash) => hash.toString('base64'))
    expect(text).toBe(`c2sp.org/tlog-proof@v1\nindex 5\n${hashes.join('\n')}\n\n${CHECKPOINT}`)
    expect(parseTlogProof(text)).toEqual({ index: 5, path, checkpoint: CHECKPOINT })
    expect(parseTlogProof(text.replace('\nindex', '\nextra AAAA\nindex'))).toMatchObject({ index: 5 })
    expect(parseTlogProof(encodeTlogProof({ index: 0, path: [], checkpoint: CHECKPOINT }))).toMatchObject({ path: [] })
  })

  test.each([
    ['another version', text.replace('@v1', '@v2')],
    ['an index with a leading zero', text.replace('index 5', 'index 05')],
    ['a negative index', text.replace('index 5', 'index -5')],
    ['no index', text.replace('index 5\n', '')],
    ['a hash that is cut', text.replace(path[0]!.toString('base64'), path[0]!.toString('base64').slice(4))],
    ['nothing', ''],
  ])('with %s is refused', (_name, wrong) => {
    expect(() => parseTlogProof(wrong)).toThrow(refused)
  })
})

describe('a request to a witness', () => {
  const body = encodeWitnessRequest({ oldSize: 2, proof: path, checkpoint: CHECKPOINT })

  test('is as C2SP tlog-witness says, and is read again', () => {
    expect(body.startsWith('old 2\n')).toBe(true)
    expect(parseWitnessRequest(body)).toEqual({ oldSize: 2, proof: path, checkpoint: CHECKPOINT })
    const first = { oldSize: 0, proof: [], checkpoint: CHECKPOINT }
    expect(parseWitnessRequest(encodeWitnessRequest(first))).toEqual(first)
  })

  test.each([
    ['a size with a leading zero', body.replace('old 2', 'old 02')],
    ['no size', body.slice(6)],
    [
      'more than 63 hashes',
      encodeWitnessRequest({ oldSize: 2, proof: Array.from({ length: 64 }, () => path[0]!), checkpoint: '' }),
    ],
    ['nothing', ''],
  ])('with %s is refused', (_name, wrong) => {
    expect(() => parseWitnessRequest(wrong)).toThrow(refused)
  })
})

test('tiles hold every complete subtree of a tree', () => {
  const count = 70_000
  const tiles = new Map<string, Uint8Array[]>()
  const nodes: { height: number; index: number; hash: Uint8Array }[] = []
  appendLeaves(EMPTY_TREE, leaves(count), (height, index, hash) => {
    if (index % 97 === 0 || height > 7) nodes.push({ height, index, hash })
    const level = levelOf(height)
    if (level === undefined) return
    const { tile } = tileOf(height, index)
    tiles.set(`${level} ${tile}`, [...(tiles.get(`${level} ${tile}`) ?? []), hash])
  })
  for (const { height, index, hash } of nodes) {
    const { level, tile } = tileOf(height, index)
    const hashes = Buffer.concat(tiles.get(`${level} ${tile}`)!)
    expect(Buffer.from(nodeOfTile(hashes, height, index))).toEqual(Buffer.from(hash))
  }
  expect(() => nodeOfTile(Buffer.alloc(32), 1, 0)).toThrow(expect.objectContaining({ code: 'invalid_bytes' }))
})

test('a tree put together from subtrees has the root of the tree of its leaves', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(60), { minLength: 1, maxLength: 8 }), (sizes) => {
      const all = leaves(sizes.reduce((sum, size) => sum + size, 0))
      const builder = createTreeBuilder()
      for (const size of sizes) {
        const from = builder.size()
        for (const { height, index } of subtreesOf(from, from + size)) {
          const part = all.slice(index * 2 ** height, (index + 1) * 2 ** height)
          builder.append(height, rootOf(appendLeaves(EMPTY_TREE, part)))
        }
      }
      expect(builder.size()).toBe(all.length)
      expect(Buffer.from(builder.root())).toEqual(rootOf(appendLeaves(EMPTY_TREE, all)))
    }),
  )
  const odd = createTreeBuilder()
  odd.append(0, randomBytes(32))
  expect(() => odd.append(1, randomBytes(32))).toThrow(expect.objectContaining({ code: 'invalid_fields' }))
})
