import { z } from 'zod'
import { policyRunId } from './ids.ts'
import { page, pageQuery } from './page.ts'
import { consolidationPeriod } from './policy-contract.ts'
import type { Route } from './route.ts'
import { identifier, timestamp } from './text.ts'

export const consolidateBody = z
  .strictObject({
    period: consolidationPeriod.describe('what is made: of weeks the days are made first, of months the weeks'),
    subject_id: identifier
      .optional()
      .describe('only this subject; the only one of the credential, or every one, when left out'),
    dry_run: z.boolean().default(false).describe('say only what would be made'),
  })
  .meta({ id: 'Consolidate' })

export const consolidationReport = z
  .object({
    subjects: z.int().describe('that were looked at'),
    memories: z.int().describe('of periods in which something has changed since the consolidation before'),
    reflections: z.int().describe('made, or made anew since their sources are others by now'),
    principles: z.int().describe('made, or made anew'),
    withdrawn: z.int().describe('reflections whose sources belong elsewhere by now'),
    fallbacks: z.int().describe('texts that the extractive summariser made in the place of the model'),
    spared: z.int().describe('subjects that allow no processing'),
    failed: z.int().describe('could not be made now, for lack of a quota or of a key; the next one tries again'),
    complete: z.boolean().describe('false when the time was over before everything was looked at'),
  })
  .meta({ id: 'ConsolidationReport' })
export type ConsolidationReport = z.infer<typeof consolidationReport>

export const consolidation = z
  .object({
    id: policyRunId,
    period: consolidationPeriod,
    subject_id: z.string().nullable(),
    state: z.enum(['waiting', 'running', 'done', 'failed']),
    dry_run: z.boolean(),
    requested_by: z.string(),
    report: consolidationReport.describe('so far, until it is done'),
    created_at: timestamp,
    finished_at: timestamp.nullable(),
  })
  .meta({ id: 'Consolidation' })
export type Consolidation = z.input<typeof consolidation>

export const consolidationRoutes = {
  consolidate: {
    method: 'POST',
    path: '/v1/consolidations',
    app: 'memory',
    access: 'memories:write',
    rate: 'write',
    summary: 'Make reflections of what happened, and principles of what was learned again and again',
    description: 'Answers 200 with the report when it ends within some seconds, and 202 while it goes on.',
    body: consolidateBody,
    responses: { 200: consolidation, 202: consolidation },
  },
  listConsolidations: {
    method: 'GET',
    path: '/v1/consolidations',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'Consolidations, newest first',
    query: z.strictObject(pageQuery),
    responses: { 200: page(consolidation) },
  },
  getConsolidation: {
    method: 'GET',
    path: '/v1/consolidations/:id',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'How far a consolidation has come, and its report',
    params: z.strictObject({ id: policyRunId }),
    responses: { 200: consolidation },
  },
} as const satisfies Record<string, Route>
