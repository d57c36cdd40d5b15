import type { Caller } from '@memoric/contracts/caller.ts'
import { describe, expect, test } from 'vitest'
import { call, contents, newCaller, remember, search, useMemory } from './use-memory.ts'

const memory = useMemory()

async function rememberAll(caller: Caller, items: object[]): Promise<void> {
  for (let at = 0; at < items.length; at += 500) {
    const body = { items: items.slice(at, at + 500) }
    const answer = await call<{ items: { status: number }[] }>(memory.app, caller, 'POST', '/v1/memories/batch', body)
    expect(new Set(answer.body.items.map(({ status }) => status))).toEqual(new Set([201]))
  }
}

test('a thousand memories are all considered, and the one that matters comes first', async () => {
  const caller = newCaller()
  const noise = Array.from({ length: 999 }, (_, at) => ({ content: `note ${at} about the garden and the weather` }))
  await rememberAll(caller, [{ content: 'The passport of Ada lies in the blue drawer' }, ...noise])
  const found = await search(memory.app, caller, { query: 'where is the passport?' })
  expect(found.body).toMatchObject({ scope_used: 'subject', searched: 1000 })
  expect(contents(found)).toEqual(['The passport of Ada lies in the blue drawer'])
  expect(contents(await search(memory.app, caller, { query: 'garden', top_k: 100 }))).toHaveLength(100)
})

test('a search sees what was written, changed and deleted just before, in every process', async () => {
  const caller = newCaller()
  const other = await memory.startAnother()
  const both = async (query: string) => {
    const found = await Promise.all([memory.app, other.app].map((app) => search(app, caller, { query })))
    return found.map(contents)
  }
  const { body } = await remember(memory.app, caller, { content: 'tea with milk' })
  expect(await both('tea')).toEqual([['tea with milk'], ['tea with milk']])
  await call(other.app, caller, 'PATCH', `/v1/memories/${body.id}`, { content: 'coffee without sugar' })
  expect(await both('tea')).toEqual([[], []])
  expect(await both('sugar')).toEqual([['coffee without sugar'], ['coffee without sugar']])
  await call(memory.app, caller, 'DELETE', `/v1/memories/${body.id}`)
  expect(await both('sugar')).toEqual([[], []])
})

test('writers and searchers at the same time: a search never misses what was acknowledged before it', async () => {
  const caller = newCaller()
  const other = await memory.startAnother()
  const lanes = Array.from({ length: 8 }, async (_, lane) => {
    const app = lane % 2 === 0 ? memory.app : other.app
    for (let at = 0; at < 15; at++) {
      const word = `w${lane}x${at}`
      await remember(app, caller, { content: `${word} and more` })
      const found = await Promise.all([memory.app, other.app].map((each) => search(each, caller, { query: word })))
      expect(found.map(contents)).toEqual([[`${word} and more`], [`${word} and more`]])
    }
  })
  await Promise.all(lanes)
})

describe('ranking', () => {
  test('rare words weigh more than common ones', async () => {
    const caller = newCaller()
    await rememberAll(caller, [
      { content: 'the meeting about the budget' },
      { content: 'the meeting about the garden' },
      { content: 'the meeting about the zeppelin' },
    ])
    const found = await search(memory.app, caller, { query: 'zeppelin meeting' })
    expect(contents(found)[0]).toBe('the meeting about the zeppelin')
    expect(contents(found)).toHaveLength(3)
  })

  test('without words, newer and weightier memories come first', async () => {
    const caller = newCaller()
    await rememberAll(caller, [
      { content: 'old', occurred_at: '2020-01-01T00:00:00Z' },
      { content: 'new' },
      { content: 'weighty', importance: 'critical' },
    ])
    expect(contents(await search(memory.app, caller, {}))).toEqual(['weighty', 'new', 'old'])
    const byAge = { weights: { importance: 0, reinforcement: 0, recency: 1 } }
    expect(contents(await search(memory.app, caller, byAge)).at(-1)).toBe('old')
  })

  test('contributions add up to the score, and weights change the order', async () => {
    const caller = newCaller()
    await rememberAll(caller, [
      { content: 'tea tea tea', importance: 'low', occurred_at: '2024-01-01T00:00:00Z' },
      { content: 'a cup of tea in the afternoon with friends', importance: 'critical' },
    ])
    const found = await search(memory.app, caller, { query: 'tea', explain: true })
    for (const { score, explanation } of found.body.results) {
      const parts = Object.values(explanation!).map(({ contribution }) => contribution)
      expect(parts.reduce((sum, part) => sum + part, 0)).toBeCloseTo(score, 12)
      expect(explanation!.relevance.terms).toHaveLength(1)
    }
    const order = async (weights: object) => contents(await search(memory.app, caller, { query: 'tea', weights }))[0]
    expect(await order({ relevance: 1, recency: 0, importance: 0 })).toBe('tea tea tea')
    expect(await order({ relevance: 0, recency: 0, importance: 1 })).toBe('a cup of tea in the afternoon with friends')
  })

  test('equal scores keep one order: by id', async () => {
    const caller = newCaller()
    const at = '2026-01-01T00:00:00Z'
    await rememberAll(
      caller,
      Array.from({ length: 30 }, (_, n) => ({ content: `tea ${n + 100}`, occurred_at: at })),
    )
    const first = contents(await search(memory.app, caller, { query: 'tea', top_k: 30 }))
    expect(first).toEqual([...first].sort())
    expect(contents(await search(memory.app, caller, { query: 'tea', top_k: 10 }))).toEqual(first.slice(0, 10))
  })

  test('what was seen again counts more', async () => {
    const caller = newCaller()
    const occurred_at = '2026-01-01T00:00:00Z'
    await remember(memory.app, caller, { content: 'green tea', occurred_at })
    await remember(memory.app, caller, { content: 'black tea', occurred_at })
    await remember(memory.app, caller, { content: 'black tea', occurred_at })
    expect(contents(await search(memory.app, caller, { query: 'tea' }))[0]).toBe('black tea')
  })
})

describe('scopes and filters', () => {
  const items = [
    { content: 'tea one', thread_id: 't1', topic: 'Drinks', tags: ['Hot', 'leaf'], role: 'user', speaker: 'Ada' },
    {
      content: 'tea two',
      thread_id: 't2',
      topic: 'drinks',
      tier: 'long_term',
      metadata: { a: { b: [1, { c: null }] } },
    },
    { content: 'tea three', category: 'Food', occurred_at: '2025-01-01T00:00:00Z', metadata: { a: 1 } },
  ]

  test.each([
    ['the thread', { thread_id: 't1' }, ['tea one']],
    ['the topic, whatever its case', { topic: 'DRINKS' }, ['tea one', 'tea two']],
    ['the subject', {}, ['tea one', 'tea three', 'tea two']],
    ['tags', { filters: { tags: ['hot', 'LEAF'] } }, ['tea one']],
    ['role', { filters: { role: 'user' } }, ['tea one']],
    ['speaker', { filters: { speaker: 'ada' } }, ['tea one']],
    ['category', { filters: { category: 'food' } }, ['tea three']],
    ['tier', { filters: { tier: 'long_term' } }, ['tea two']],
    ['time', { filters: { before: '2025-06-01T00:00:00Z' } }, ['tea three']],
    ['metadata inside arrays and objects', { filters: { metadata: { a: { b: [{ c: null }] } } } }, ['tea two']],
    ['metadata by value', { filters: { metadata: { a: 1 } } }, ['tea three']],
    [
      'a thread without memories, falling back',
      { thread_id: 'none', fallback: ['subject'] },
      ['tea one', 'tea three', 'tea two'],
    ],
  ])('searches by %s', async (_, request, expected) => {
    const caller = newCaller()
    await rememberAll(caller, items)
    const found = await search(memory.app, caller, { query: 'tea', ...request })
    expect(contents(found).sort()).toEqual(expected)
  })

  test('says which scope answered', async () => {
    const caller = newCaller()
    await rememberAll(caller, items)
    const found = await search(memory.app, caller, {
      query: 'tea',
      thread_id: 'none',
      topic: 'drinks',
      fallback: ['topic', 'subject'],
    })
    expect(found.body).toMatchObject({ scope_used: 'topic', searched: 2 })
  })

  test.each([
    { scope: 'thread' },
    { scope: 'topic' },
    { scope: 'galaxy' },
    { top_k: 0 },
    { top_k: 101 },
    { weights: { relevance: -1 } },
    { weights: { luck: 1 } },
    { query: 'x'.repeat(10_001) },
    { filters: { tags: [] } },
    { filters: { unknown: 1 } },
  ])('refuses %j', async (request) => {
    expect((await search(memory.app, newCaller(), request)).status).toBe(400)
  })
})

test('searches of nothing, of stop words and of control characters are answered', async () => {
  const caller = newCaller()
  await remember(memory.app, caller, { content: 'the who' })
  for (const query of ['', '   ', '\u0001\u0002', '???', 'x'.repeat(10_000)]) {
    expect((await search(memory.app, caller, { query })).status).toBe(200)
  }
  expect(contents(await search(memory.app, caller, { query: 'the who' }))).toEqual(['the who'])
  expect((await search(memory.app, newCaller(), { query: 'x' })).body).toEqual({
    results: [],
    scope_used: 'subject',
    searched: 0,
  })
})
