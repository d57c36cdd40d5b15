import { z } from 'zod'
import { idempotencyKey } from './idempotency-key.ts'
import { listNotesQuery, noteBody, noteParams, noteView } from './note-contract.ts'
import { page } from './page.ts'
import type { Route } from './route.ts'
import { text, utf8Length } from './text.ts'

/** `bytes` is what its texts may have together, as JSON. */
export const DECISION_LIMITS = { decision: 2000, points: 20, pointCharacters: 1000, scope: 200, bytes: 12_288 } as const

/** The lists of a decision, in the order in which they are read. */
export const DECISION_POINTS = ['rationale', 'constraints', 'alternatives', 'consequences', 'references'] as const
export type DecisionPoints = (typeof DECISION_POINTS)[number]

/** The role of the memories by which a search finds decisions. */
export const DECISION_ROLE = 'decision'

/** What a decision says. */
export type DecisionTexts = { decision: string; scope: string | null } & Record<DecisionPoints, string[]>

/** The texts of a decision that was sent; a scope that was left out is null. */
export function textsOf(body: Omit<DecisionTexts, 'scope'> & { scope?: string | undefined }): DecisionTexts {
  const { decision: decided, scope = null, rationale, constraints, alternatives, consequences, references } = body
  return { decision: decided, scope, rationale, constraints, alternatives, consequences, references }
}

const points = z.array(text(DECISION_LIMITS.pointCharacters)).max(DECISION_LIMITS.points).default([])

export const createDecisionBody = z
  .strictObject({
    ...noteBody,
    decision: text(DECISION_LIMITS.decision).describe('what was decided'),
    scope: text(DECISION_LIMITS.scope).optional().describe('what it is valid for'),
    rationale: points.describe('why'),
    constraints: points.describe('what had to be kept to'),
    alternatives: points.describe('what else was thought of, and why not'),
    consequences: points.describe('what follows from it'),
    references: points.describe('where to read on'),
  })
  .refine((body) => utf8Length(JSON.stringify(textsOf(body))) <= DECISION_LIMITS.bytes, {
    error: `must have at most ${DECISION_LIMITS.bytes} bytes in all of its texts`,
  })
  .meta({ id: 'CreateDecision' })
export type CreateDecision = z.output<typeof createDecisionBody>

export const decision = z
  .object({
    ...noteView,
    decision: z.string(),
    scope: z.string().nullable(),
    rationale: z.array(z.string()),
    constraints: z.array(z.string()),
    alternatives: z.array(z.string()),
    consequences: z.array(z.string()),
    references: z.array(z.string()),
  })
  .meta({ id: 'Decision' })
export type Decision = z.input<typeof decision>

export const decisionRoutes = {
  createDecision: {
    method: 'POST',
    path: '/v1/decisions',
    app: 'memory',
    access: 'memories:write',
    rate: 'write',
    summary: 'Write down what was decided, and why',
    description: 'A decision is not changed: another one supersedes it.',
    headers: idempotencyKey,
    body: createDecisionBody,
    responses: { 201: decision },
  },
  listDecisions: {
    method: 'GET',
    path: '/v1/decisions',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'Decisions of a subject, newest first; those that still hold unless others are asked for',
    query: listNotesQuery,
    responses: { 200: page(decision) },
  },
  getDecision: {
    method: 'GET',
    path: '/v1/decisions/:id',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'One decision, superseded or not',
    params: noteParams,
    responses: { 200: decision },
  },
  deleteDecision: {
    method: 'DELETE',
    path: '/v1/decisions/:id',
    app: 'memory',
    access: 'memories:delete',
    rate: 'write',
    summary: 'Delete a decision with its memory',
    description: 'What it superseded holds again, or is superseded by what superseded it.',
    params: noteParams,
    responses: { 204: null },
  },
  supersedeDecision: {
    method: 'POST',
    path: '/v1/decisions/:id/supersede',
    app: 'memory',
    access: 'memories:write',
    rate: 'write',
    summary: 'Write a decision that takes the place of this one',
    params: noteParams,
    headers: idempotencyKey,
    body: createDecisionBody,
    responses: { 201: decision },
  },
} as const satisfies Record<string, Route>
