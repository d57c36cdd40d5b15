import { z } from 'zod'
import { memory, tier } from './memory-contract.ts'
import { trust } from './provenance-contract.ts'
import type { Route } from './route.ts'
import { identifier, jsonObject, text, timestamp } from './text.ts'

export const SEARCH_SCOPES = ['thread', 'topic', 'subject', 'namespace', 'global'] as const
export const searchScope = z.enum(SEARCH_SCOPES)
export type SearchScope = z.infer<typeof searchScope>

/** Whether a scope spans the subjects that the caller may see. */
export function isOfAllSubjects(scope: SearchScope | undefined): boolean {
  return scope === 'namespace' || scope === 'global'
}

function isOfOne(scope: SearchScope): boolean {
  return !isOfAllSubjects(scope)
}

const weight = z.number().min(0).max(1000)

export const searchWeights = z.strictObject({
  relevance: weight.optional().describe('words of the query, by BM25'),
  embedding: weight
    .optional()
    .describe('what it means, where embeddings are on; 0 does without, and gives the query to nobody'),
  context: weight.optional().describe('what is said around it, and by whom; 0 looks at each memory alone'),
  recency: weight.optional(),
  importance: weight.optional(),
  reinforcement: weight.optional(),
  rules: weight.optional().describe('rules of the policy, if there are any'),
  recency_half_life_days: z.number().min(0.01).max(36_500).optional().describe('30 when left out'),
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
  min_trust: trust.optional().describe('memories that are trusted at least so far; as the policy says when left out'),
})

export const searchBody = z
  .strictObject({
    query: z
      .string()
      .max(10_000)
      .optional()
      .describe(
        'words, "phrases", -excluded words and beginnings* of words; without words newest and weightiest first',
      ),
    subject_id: identifier.optional(),
    namespace: identifier.optional().describe('every namespace that the caller may see when left out'),
    scope: searchScope
      .optional()
      .describe(
        'subject when left out, or thread or topic when that is given; namespace and global are of all subjects',
      ),
    thread_id: identifier.optional(),
    topic: text(128).optional(),
    filters: searchFilters.optional(),
    top_k: z.int().min(1).max(100).optional().describe('10 unless the policy says otherwise'),
    min_score: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .describe('only memories with such a score or a better one; as the policy says when left out'),
    weights: searchWeights.optional(),
    fallback: z
      .array(searchScope)
      .max(SEARCH_SCOPES.length)
      .optional()
      .describe('scopes to try, in this order, while nothing is found'),
    explain: z.boolean().default(false),
    include_summarised: z
      .boolean()
      .optional()
      .describe('memories that a summary stands for, besides the summary; as the policy says when left out'),
    include_archived: z
      .boolean()
      .optional()
      .describe('memories of archived threads, too; those of the thread that is searched are found in any case'),
  })
  .refine((body) => body.scope !== 'thread' || body.thread_id !== undefined, {
    path: ['thread_id'],
    error: 'is needed for the scope thread',
  })
  .refine((body) => body.scope !== 'topic' || body.topic !== undefined, {
    path: ['topic'],
    error: 'is needed for the scope topic',
  })
  .refine((body) => body.scope !== 'namespace' || body.namespace !== undefined, {
    path: ['namespace'],
    error: 'is needed for the scope namespace',
  })
  .refine(
    (body) => body.subject_id === undefined || !isOfAllSubjects(body.scope) || (body.fallback ?? []).some(isOfOne),
    {
      path: ['subject_id'],
      error: 'has no meaning for a scope of all subjects',
    },
  )
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
    similarity: z
      .object(component)
      .optional()
      .describe('how near the meanings of query and memory are, where embeddings are used'),
    context: z.object({
      ...component,
      neighbours: z
        .array(
          z.object({
            id: z.string(),
            distance: z.int().describe('-1 when it was said just before, 1 when just after, and so on'),
            score: z.number(),
          }),
        )
        .describe('memories of the same conversation that lent some of their score'),
      conversation: z.number().describe('what the best of the conversation lent to all of it'),
      speaker: z.number().describe('what it has more because the query names who said it'),
    }),
    recency: z.object({ ...component, age_days: z.number(), half_life_days: z.number() }),
    importance: z.object(component),
    reinforcement: z.object({ ...component, seen_count: z.int() }),
    rules: z.object({
      ...component,
      value: z.number().describe('-1..1 before weighting'),
      applied: z.array(z.object({ rule: z.string(), amount: z.number() })),
    }),
    standing: z
      .object(component)
      .optional()
      .describe('of an attenuated memory: the factor, and as contribution what it takes away from the others'),
  })
  .meta({ id: 'Explanation' })
export type Explanation = z.input<typeof explanation>

export const searchAnswer = z
  .object({
    results: z.array(z.object({ memory, score: z.number(), explanation: explanation.optional() })),
    scope_used: searchScope,
    searched: z.int().describe('memories that were considered'),
    searched_subjects: z.int().describe('subjects whose memories were considered'),
    truncated: z
      .boolean()
      .describe(
        'there are more subjects, or more memories whose texts decide about a phrase or a beginning, than one search looks at',
      ),
    embeddings: z
      .enum(['used', 'unavailable'])
      .optional()
      .describe('whether memories were compared by what they mean; left out where embeddings are off or do not weigh'),
    embedded: z.int().optional().describe('memories that were considered and have a vector to compare'),
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
