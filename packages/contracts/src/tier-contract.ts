import { z } from 'zod'
import { tier } from './memory-contract.ts'
import type { Route } from './route.ts'
import { identifier, timestamp } from './text.ts'

export const tierStatistics = z
  .object({
    tier,
    memories: z.int(),
    subjects: z.int().describe('that have memories in the tier'),
    bytes: z.int().describe('sealed bytes of the current versions'),
    oldest_at: timestamp.nullable(),
    newest_at: timestamp.nullable(),
    median_age_days: z.number().nullable().describe('ages count from what the policy says'),
    average_age_days: z.number().nullable(),
    capacity: z.int().nullable().describe('most memories of each subject, by the policy; null without a limit'),
    utilisation: z.number().nullable().describe('of the subject that has most: 1 is full; null without a capacity'),
    next_24_hours: z
      .object({
        forgotten: z.int().describe('memories whose own time ends'),
        leaving: z.int().describe('memories that reach, or have reached, the age at which they leave the tier'),
        leaving_to: z
          .union([tier, z.literal('deletion')])
          .nullable()
          .describe('where they go; null when they stay'),
        over_capacity: z.int().describe('memories that a run of the policy would evict'),
      })
      .describe('what is to be expected'),
  })
  .meta({ id: 'TierStatistics' })
export type TierStatistics = z.input<typeof tierStatistics>

export const tierRoutes = {
  listTiers: {
    method: 'GET',
    path: '/v1/tiers',
    app: 'memory',
    access: 'policies:execute',
    rate: 'read',
    summary: 'How full each tier is, how old, and what will leave it',
    query: z.strictObject({
      subject_id: identifier.optional().describe('every subject that the caller may see when left out'),
      namespace: identifier.optional(),
    }),
    responses: { 200: z.object({ items: z.array(tierStatistics), policy_version: z.int(), as_of: timestamp }) },
  },
} as const satisfies Record<string, Route>
