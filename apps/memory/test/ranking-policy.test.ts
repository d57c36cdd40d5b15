import { expect, test } from 'vitest'
import { buildSegment } from '../src/search/build-segment.ts'
import type { IndexDocument } from '../src/search/index-document.ts'
import { createPart } from '../src/search/index-part.ts'
import { parseQuery } from '../src/search/parse-query.ts'
import { rank } from '../src/search/ranking.ts'
import { DEFAULT_POLICY, policyFor, type RankingPolicy, totalOf } from '../src/search/ranking-policy.ts'
import { selectCandidates } from '../src/search/search-candidates.ts'
import { createSubjectIndex } from '../src/search/subject-index.ts'
import { STANDING_UNIT } from '../src/search/segment-format.ts'
import { createTermSeed } from '../src/search/term-hash.ts'

const NOW = Date.UTC(2026, 10, 21)
const DAY_MS = 86_400_000

function documentOf(at: number, more: Partial<IndexDocument>): IndexDocument {
  const times = { occurredAt: NOW, createdAt: NOW, updatedAt: NOW, expiresAt: Infinity }
  const labels = { namespace: 'n', thread: null, session: null, role: null, speaker: null, topic: null, category: null }
  const lists = { tags: [], entities: [], leaves: [], metadata: '', terms: ['tea'] }
  const numbers = { sequence: at, version: 1, importance: 0, seenCount: 1, tier: 0, trust: 1, standing: STANDING_UNIT }
  return { id: `0198c0de-0000-7000-8000-00000000000${at}`, ...times, ...labels, ...lists, ...numbers, ...more }
}

function ranked(documents: readonly IndexDocument[], policy: RankingPolicy, text = 'tea') {
  const seed = createTermSeed()
  const segment = buildSegment(documents, seed, { fromChange: 0, toChange: 1 })
  const index = createSubjectIndex({ seed, parts: [createPart(segment)] })
  const query = parseQuery(text)
  const candidates = selectCandidates(index, '*', { top_k: 10, explain: true }, 'subject', NOW, query)
  return rank(candidates, { query, policy, topK: 10, now: NOW, explain: true })
}

test('a request has the last word on the weights of a policy', () => {
  const policy = { ...DEFAULT_POLICY, halfLifeDays: 7, weights: { ...DEFAULT_POLICY.weights, recency: 2 } }
  const found = policyFor({ weights: { importance: 5, recency_half_life_days: 3 } }, true, policy)
  expect(found).toEqual({
    weights: { relevance: 1, embedding: 0, context: 0.8, recency: 2, importance: 5, reinforcement: 0.05, rules: 0 },
    halfLifeDays: 3,
    rules: [],
  })
  expect(policyFor({}, true, policy).halfLifeDays).toBe(7)
  expect(policyFor({}, true, policy, true).weights.embedding).toBe(0.3)
  expect(policyFor({}, false, policy, true).weights.embedding).toBe(0)
  expect(policyFor({}, false, policy).weights).toMatchObject({ relevance: 0, context: 0, recency: 2 })
})

test('the half-life says how soon recency is halved', () => {
  const weights = { relevance: 0, context: 0, recency: 1, importance: 0, reinforcement: 0 }
  for (const days of [1, 30, 365]) {
    const policy = policyFor({ weights: { ...weights, recency_half_life_days: days } }, true)
    const [found] = ranked([documentOf(1, { occurredAt: NOW - days * DAY_MS })], policy)
    expect(found?.score).toBeCloseTo(0.5, 12)
    expect(found?.explanation?.recency.half_life_days).toBe(days)
  }
})

test('rules of a policy raise and lower scores, and are explained', () => {
  const documents = [
    documentOf(1, { topic: 'drinks' }),
    documentOf(2, { occurredAt: NOW - 100 * DAY_MS }),
    documentOf(3, { entities: ['green tea', 'milk'] }),
    documentOf(4, {}),
  ]
  const policy = policyFor({ weights: { recency: 0 } }, true, {
    ...DEFAULT_POLICY,
    rules: [
      { rule: 'topic_boost', topic: 'Drinks', amount: 0.4 },
      { rule: 'stale_penalty', afterDays: 90, amount: 0.6 },
      { rule: 'entity_match', amount: 0.8 },
    ],
  })
  const found = ranked(documents, policy, 'tea milk')
  expect(found.map(({ id }) => Number(id.at(-1)))).toEqual([3, 1, 4, 2])
  const [entity, topic, plain, stale] = found.map(({ explanation }) => explanation?.rules)
  expect(entity).toMatchObject({ value: 0.8, weight: 0.3, applied: [{ rule: 'entity_match', amount: 0.8 }] })
  expect(topic).toMatchObject({ value: 0.4, applied: [{ rule: 'topic_boost', amount: 0.4 }] })
  expect(plain).toMatchObject({ value: 0, applied: [] })
  expect(stale).toMatchObject({ value: -0.6, applied: [{ rule: 'stale_penalty', amount: -0.6 }] })
  expect(entity?.contribution).toBeCloseTo((0.3 * 0.8) / totalOf(policy.weights), 12)
  for (const { score, explanation } of found) {
    const parts = Object.values(explanation ?? {}).reduce((sum, component) => sum + (component?.contribution ?? 0), 0)
    expect(parts).toBeCloseTo(score, 12)
  }
})
