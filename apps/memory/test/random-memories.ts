import type { Memory } from '@memoric/contracts/memory-contract.ts'
import { TRUST_LEVELS } from '@memoric/contracts/provenance-contract.ts'
import type { SearchRequest } from '@memoric/contracts/search-contract.ts'
import type { JsonValue } from '@memoric/contracts/text.ts'
import fc from 'fast-check'

/** What a caller may say of a memory. */
export type Drafted = Pick<
  Memory,
  | 'content'
  | 'namespace'
  | 'thread_id'
  | 'session_id'
  | 'role'
  | 'speaker'
  | 'topic'
  | 'category'
  | 'entities'
  | 'tags'
  | 'metadata'
  | 'tier'
  | 'importance'
  | 'occurred_at'
>

export const NAMESPACES = ['default', 'work', 'Work', 'été']
const WORDS =
  "tea coffee garden drinks drinking run running relational Ada Bob passport zeppelin été straße 東京 don't 42 rain".split(
    ' ',
  )
const LABELS = ['Ada', 'ADA', 'bob', 'été', 'a b', '\u{1f600}', '\uffee']

const orNull = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { freq: 2 })
const label = fc.constantFrom(...LABELS)
const sentence = fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 12 }).map((words) => words.join(' '))
const days = fc.oneof(fc.integer({ min: 0, max: 400 }), fc.constantFrom(100, 101))
const time = days.map((days) => new Date(Date.UTC(2025, 10, 1 + days)).toISOString())

const key = fc.constantFrom('a', 'b', 'c', 'a.b', '"', '')
const scalar = fc.constantFrom<JsonValue>(null, true, false, 0, 1, 1.5, '1', 'x', '', '#')

/** JSON of few keys and values, so that some contains other. */
export const json: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(key, tie('value'), { maxKeys: 3 }),
  ),
})).value
export const metadata = fc.dictionary(key, json, { maxKeys: 3, noNullPrototype: true })

export const drafted: fc.Arbitrary<Drafted> = fc.record({
  content: sentence,
  namespace: fc.constantFrom(...NAMESPACES),
  thread_id: orNull(fc.constantFrom('t1', 't2', 't3')),
  session_id: fc.option(fc.constantFrom('s1', 's2'), { freq: 1 }),
  role: orNull(fc.constantFrom('user', 'assistant', 'User')),
  speaker: orNull(label),
  topic: orNull(label),
  category: orNull(label),
  entities: fc.array(label, { maxLength: 2 }),
  tags: fc.array(label, { maxLength: 3 }),
  metadata: fc.oneof({ weight: 2, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: metadata }),
  tier: fc.constantFrom('short_term', 'mid_term', 'long_term'),
  importance: fc.constantFrom(0, 0.3, 0.5, 0.123456, 1),
  occurred_at: time,
})

const filters = fc.record(
  {
    after: time,
    before: time,
    tier: fc.constantFrom('short_term', 'mid_term', 'long_term'),
    role: fc.constantFrom('user', 'ASSISTANT'),
    speaker: label,
    category: label,
    tags: fc.array(label, { minLength: 1, maxLength: 2 }),
    metadata,
    min_trust: fc.constantFrom(...TRUST_LEVELS),
  },
  { requiredKeys: [] },
)

/** Words with the signs that say more of them. */
const query = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...WORDS) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          'te*',
          'dri*',
          'Ga*',
          'runn*',
          'drinki*',
          'relatio*',
          'passports*',
          'pa*ss',
          '東*',
          'r*',
          '"tea"',
          '""',
        ),
      },
      {
        weight: 1,
        arbitrary: fc.constantFrom('-tea', '-ADA', '-dri*', '-runn*', '-drinki*', '-東京', '-42', '--', '-'),
      },
      {
        weight: 1,
        arbitrary: fc
          .tuple(fc.constantFrom('', '-'), fc.array(fc.constantFrom(...WORDS), { minLength: 2, maxLength: 2 }))
          .map(([sign, words]) => `${sign}"${words.join(' ')}"`),
      },
    ),
    { minLength: 1, maxLength: 8 },
  )
  .map((parts) => parts.join(' '))

/** A search of a scope that it names what it needs for. */
export const request: fc.Arbitrary<Partial<SearchRequest>> = fc.record(
  {
    query: fc.oneof(sentence, query),
    namespace: fc.constantFrom(...NAMESPACES),
    thread_id: fc.constantFrom('t1', 't2'),
    topic: label,
    filters: fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: filters }),
    top_k: fc.constantFrom(1, 3, 10, 100),
    weights: fc.record(
      {
        recency: fc.constantFrom(0, 0.15, 5),
        relevance: fc.constantFrom(0, 1),
        context: fc.constantFrom(0, 0.8, 3),
        recency_half_life_days: fc.constantFrom(0.5, 30, 3650),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
)
