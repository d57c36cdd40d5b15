import { describe, expect, test } from 'vitest'
import { createMemoryBody, IMPORTANCE_LEVELS, memoryRoutes, updateMemoryBody } from '../src/memory-contract.ts'
import { searchBody } from '../src/search-contract.ts'

function takes(fields: Record<string, unknown>): boolean {
  return createMemoryBody.safeParse({ content: 'x', ...fields }).success
}

function list(length: number, item: string): string[] {
  return Array.from({ length }, () => item)
}

/** An object that takes exactly so many bytes as JSON. */
function metadataOf(bytes: number): Record<string, string> {
  return { a: 'x'.repeat(bytes - '{"a":""}'.length) }
}

describe('the body of a new memory takes just as much as the limit', () => {
  test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['content in bytes', { content: 'x'.repeat(32_768) }, { content: 'x'.repeat(32_769) }],
    ['content of longer characters', { content: `${'字'.repeat(10_922)}xx` }, { content: '字'.repeat(10_923) }],
    ['metadata in bytes', { metadata: metadataOf(16_384) }, { metadata: metadataOf(16_385) }],
    ['tags', { tags: list(20, 'x') }, { tags: list(21, 'x') }],
    ['a tag', { tags: ['x'.repeat(50)] }, { tags: ['x'.repeat(51)] }],
    ['a tag in code points', { tags: ['😀'.repeat(50)] }, { tags: ['😀'.repeat(51)] }],
    ['entities', { entities: list(50, 'x') }, { entities: list(51, 'x') }],
    ['an entity', { entities: ['x'.repeat(128)] }, { entities: ['x'.repeat(129)] }],
    ['role', { role: 'x'.repeat(64) }, { role: 'x'.repeat(65) }],
    ['speaker', { speaker: 'x'.repeat(128) }, { speaker: 'x'.repeat(129) }],
    ['topic', { topic: 'x'.repeat(128) }, { topic: 'x'.repeat(129) }],
    ['category', { category: 'x'.repeat(128) }, { category: 'x'.repeat(129) }],
    ['subject', { subject_id: 'x'.repeat(128) }, { subject_id: 'x'.repeat(129) }],
    ['namespace', { namespace: 'x'.repeat(128) }, { namespace: 'x'.repeat(129) }],
    ['thread', { thread_id: 'x'.repeat(128) }, { thread_id: 'x'.repeat(129) }],
    ['session', { session_id: 'x'.repeat(128) }, { session_id: 'x'.repeat(129) }],
    ['importance from above', { importance: 1 }, { importance: 1.01 }],
    ['importance from below', { importance: 0 }, { importance: -0.01 }],
    ['life time from above', { ttl_seconds: 315_360_000 }, { ttl_seconds: 315_360_001 }],
    ['life time from below', { ttl_seconds: 1 }, { ttl_seconds: 0 }],
  ])('%s', (_what, most, tooMuch) => {
    expect(takes(most)).toBe(true)
    expect(takes(tooMuch)).toBe(false)
  })
})

describe('the body of a new memory', () => {
  test.each([
    ['no content', { content: undefined }],
    ['blank content', { content: ' \n' }],
    ['an unknown field', { tenant_id: 'x' }],
    ['a tier that cannot be the name of one', { tier: 'Eternal' }],
    ['an unknown importance', { importance: 'huge' }],
    ['an unknown way with duplicates', { on_duplicate: 'ignore' }],
    ['a time without offset', { occurred_at: '2026-11-21T19:00:00' }],
    ['a life time that is not whole', { ttl_seconds: 1.5 }],
    ['metadata that are a list', { metadata: [] }],
    ['null for a field', { topic: null }],
  ])('is refused with %s', (_what, fields) => {
    expect(takes(fields)).toBe(false)
  })

  test('takes importance by name', () => {
    for (const [importance, value] of Object.entries(IMPORTANCE_LEVELS)) {
      expect(createMemoryBody.parse({ content: 'x', importance }).importance).toBe(value)
    }
  })
})

test('a change of a memory names at least one field', () => {
  expect(updateMemoryBody.safeParse({}).success).toBe(false)
  expect(updateMemoryBody.safeParse({ topic: null }).success).toBe(true)
})

test('a batch has 1 to 500 items, each judged later by itself', () => {
  const { body } = memoryRoutes.createMemories
  expect(body.safeParse({ items: list(500, 'anything') }).success).toBe(true)
  expect(body.safeParse({ items: [] }).success).toBe(false)
  expect(body.safeParse({ items: list(501, 'x') }).success).toBe(false)
})

test.each([
  ['3', 3],
  ['"3"', 3],
  ['W/"3"', 3],
])('If-Match takes the version as %s', (written, version) => {
  expect(memoryRoutes.updateMemory.headers.parse({ 'if-match': written, host: 'x' })).toEqual({ 'if-match': version })
})

test.each(['*', 'x', '"3", "4"', '-3', '', '9'.repeat(10)])('If-Match does not take %j', (written) => {
  expect(memoryRoutes.updateMemory.headers.safeParse({ 'if-match': written }).success).toBe(false)
})

describe('a search', () => {
  test('may be empty, and leaves to the policy what it does not say', () => {
    expect(searchBody.parse({})).toEqual({ explain: false })
  })

  test('needs the thread or the topic that its scope speaks of', () => {
    expect(searchBody.safeParse({ scope: 'thread' }).success).toBe(false)
    expect(searchBody.safeParse({ scope: 'thread', thread_id: 'x' }).success).toBe(true)
    expect(searchBody.safeParse({ scope: 'topic' }).success).toBe(false)
    expect(searchBody.safeParse({ scope: 'topic', topic: 'x' }).success).toBe(true)
  })

  test.each([
    { top_k: 0 },
    { top_k: 101 },
    { weights: { relevance: -1 } },
    { query: 'x'.repeat(10_001) },
    { scope: 'namespace' },
  ])('is refused with %j', (fields) => {
    expect(searchBody.safeParse(fields).success).toBe(false)
  })
})
