import { z } from 'zod'
import { memoryId } from './ids.ts'
import { memory } from './memory-contract.ts'
import type { Route } from './route.ts'
import { identifier, queryInteger, timestamp } from './text.ts'

/** What tells a merged memory from others, in its metadata. */
export const MERGED_KIND = 'merged'

export const MERGE_LIMITS = { sources: 50, proposals: 100 } as const

export const mergeBody = z
  .strictObject({
    sources: z
      .array(memoryId)
      .min(1)
      .max(MERGE_LIMITS.sources)
      .refine((ids) => new Set(ids).size === ids.length, { error: 'must name each memory once' })
      .describe('memories that say the same'),
  })
  .meta({ id: 'MergeMemories' })

export const duplicates = z
  .object({
    items: z.array(
      z.object({
        memory: memory.describe('the one to keep: the most important, the earliest of equal ones'),
        sources: z.array(
          z.object({ memory, similarity: z.number().describe('1 for the same words, in whichever order') }),
        ),
      }),
    ),
    looked_at: z.int().describe('the newest memories of the subject, so many'),
  })
  .meta({ id: 'Duplicates' })
export type Duplicates = z.input<typeof duplicates>

export const strength = z
  .object({
    memory_id: memoryId,
    strength: z.number().describe('0..1: 1 when it was used just now, half after every half-life'),
    half_life_days: z.number().describe('7, times the uses, times 0.5 to 1.5 for the importance'),
    uses: z.int().describe('how often it was written and found, 100 at most'),
    seen_count: z.int(),
    recalls: z.int().describe('how often searches have found it, where the policy of the tenant looks at that'),
    recalls_counted: z.boolean().describe('whether searches are counted now'),
    last_used_at: timestamp.describe('when it happened, or was found last'),
    importance: z.number(),
  })
  .meta({ id: 'Strength' })

const params = z.strictObject({ id: memoryId })

export const mergeRoutes = {
  findDuplicates: {
    method: 'GET',
    path: '/v1/memories/duplicates',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'Memories of a subject that say nearly the same; nothing is changed',
    query: z.strictObject({
      subject_id: identifier.optional(),
      limit: queryInteger(1, MERGE_LIMITS.proposals).default(20),
    }),
    responses: { 200: duplicates },
  },
  mergeMemories: {
    method: 'POST',
    path: '/v1/memories/:id/merge',
    app: 'memory',
    access: 'memories:write',
    rate: 'write',
    summary: 'Make one memory that stands for several which say the same',
    description:
      'It says what the memory of the path says and names all of them as its sources, which stay, ranked lower. Deleting it takes the merge back.',
    params,
    body: mergeBody,
    responses: { 201: memory },
  },
  getStrength: {
    method: 'GET',
    path: '/v1/memories/:id/strength',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'How strong a memory is by its use, importance and age, and what that comes from',
    params,
    responses: { 200: strength },
  },
} as const satisfies Record<string, Route>
