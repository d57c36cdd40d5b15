import { z } from 'zod'
import { memory, tier } from './memory-contract.ts'
import type { Route } from './route.ts'
import { identifier, jsonObject, text, timestamp } from './text.ts'

export const SEARCH_SCOPES = ['thread', 'topic', 'subject'] as const
export const searchScope = z.enum(SEARCH_SCOPES)
export type SearchScope = z.infer<typeof searchScope>

const weight = z.number().min(0).max(1000)

export const searchWeights = z.strictObject({
  relevance: weight.optional(),
  recency: weight.optional(),
  importance: weight.optional(),
  reinforcement: weight.optional(),
})

export const searchFilters = z.strictObject({
  after: timestamp.optional().describe('happened at or after'),
  before: timestamp.optional().describe('happened before'),
  tier: tier.optional(),
  role: text(64).optional(),
  speaker: text(128).optional(),
  category: text(128).optional(),
  tags: z.array(text(50)).min(1).max(20).optional().describe('memories that have all of these'),
  metadata: jsonObject(16_384).optional().describe('memories whose metadata contain this'),
})

export const searchBody = z
  .strictObject({
    query: z.string().max(10_000).optional().describe('words to look for; without them newest and weightiest first'),
    subject_id: identifier.optional(),
    namespace: identifier.optional().describe('every namespace that the caller may see when left out'),
    scope: searchScope.optional().describe('subject when left out, or thread when thread_id is given'),
    thread_id: identifier.optional(),
    topic: text(128).optional(),
    filters: searchFilters.optional(),
    top_k: z.int().min(1).max(100).default(10),
    weights: searchWeights.optional(),
    fallback: z.array(searchScope).max(3).optional().describe('scopes to try, in this order, while nothing is found'),
    explain: z.boolean().default(false),
  })
  .refine((body) => body.scope !== 'thread' || body.thread_id !== undefined, {
    path: ['thread_id'],
    error: 'is needed for the scope thread',
  })
  .refine((body) => body.scope !== 'topic' || body.topic !== undefined, {
    path: ['topic'],
    error: 'is needed for the scope topic',
  })
  .meta({ id: 'Search' })
export type SearchRequest = z.output<typeof searchBody>

const component = {
  value: z.number().describe('0..1 before weighting'),
  weight: z.number(),
  contribution: z.number().describe('what it adds to the score'),
}

export const explanation = z
  .object({
    relevance: z.object({
      ...component,
      terms: z.array(z.object({ term: z.string(), idf: z.number(), frequency: z.int(), score: z.number() })),
    }),
    recency: z.object({ ...component, age_days: z.number(), half_life_days: z.number() }),
    importance: z.object(component),
    reinforcement: z.object({ ...component, seen_count: z.int() }),
  })
  .meta({ id: 'Explanation' })
export type Explanation = z.input<typeof explanation>

export const searchAnswer = z
  .object({
    results: z.array(z.object({ memory, score: z.number(), explanation: explanation.optional() })),
    scope_used: searchScope,
    searched: z.int().describe('memories that were considered'),
  })
  .meta({ id: 'SearchResults' })
export type SearchAnswer = z.input<typeof searchAnswer>

export const searchRoutes = {
  searchMemories: {
    method: 'POST',
    path: '/v1/memories/search',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'Find memories by words, time, tags and metadata, ranked and explained',
    body: searchBody,
    responses: { 200: searchAnswer },
  },
} as const satisfies Record<string, Route>
