import { z } from 'zod'
import { memoryId } from './ids.ts'
import { page, pageQuery } from './page.ts'
import type { Route } from './route.ts'
import { identifier, timestamp } from './text.ts'

export const becomingChange = z.object({
  op: z.enum(['same', 'removed', 'added']),
  text: z.string().describe('words with the space before them'),
})
export type BecomingChange = z.infer<typeof becomingChange>

export const becoming = z
  .object({
    handoff_id: memoryId,
    version: z.int().describe('of the handoff'),
    becoming: z.string(),
    with_whom: z.string(),
    occurred_at: timestamp,
    written_at: timestamp,
    written_by: z.string().describe('<type>:<id> of who wrote the statement'),
    changes: z
      .array(becomingChange)
      .nullable()
      .describe('what is different from the statement before it; null for the first'),
  })
  .meta({ id: 'Becoming' })
export type Becoming = z.input<typeof becoming>

export const identityQuery = z.strictObject({
  ...pageQuery,
  subject_id: identifier.optional(),
  order: z.enum(['oldest', 'newest']).default('oldest').describe('which comes first'),
})
export type IdentityQuery = z.output<typeof identityQuery>

export const identityRoutes = {
  getIdentity: {
    method: 'GET',
    path: '/v1/identity',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'Who an agent has become: its statements in order, and what changed from each to the next',
    query: identityQuery,
    responses: { 200: page(becoming) },
  },
} as const satisfies Record<string, Route>
