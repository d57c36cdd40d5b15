import { z } from 'zod'
import { memoryId } from './ids.ts'
import { page, pageQuery } from './page.ts'
import { standing, statedProvenance } from './provenance-contract.ts'
import type { Route } from './route.ts'
import { identifier, identifierOf, text, timestamp } from './text.ts'

export const HANDOFF_LIMITS = {
  sessionId: 255,
  withWhom: 255,
  experienced: 5000,
  noticed: 5000,
  learned: 5000,
  story: 10_000,
  becoming: 500,
  remember: 1000,
  tags: 20,
  tagCharacters: 50,
} as const

/** The parts of a handoff that tell something, in the order in which they are read. */
export const HANDOFF_PARTS = ['experienced', 'noticed', 'learned', 'story', 'becoming', 'remember'] as const
export type HandoffPart = (typeof HANDOFF_PARTS)[number]

/** The role of the memories by which a search finds handoffs. */
export const HANDOFF_ROLE = 'handoff'

/** How a person is called. */
export const personName = text(HANDOFF_LIMITS.withWhom)

/** A sitting, by the caller's own id. */
const handoffSessionId = identifierOf(HANDOFF_LIMITS.sessionId)

const significance = z.number().min(0).max(1)

export const createHandoffBody = z
  .strictObject({
    subject_id: identifier.optional().describe('the agent that hands over to itself'),
    namespace: identifier.optional(),
    session_id: handoffSessionId.describe('the session that ends: one handoff for each'),
    with_whom: personName.describe('who the session was with; any of the names of the person'),
    experienced: text(HANDOFF_LIMITS.experienced).optional().describe('what happened'),
    noticed: text(HANDOFF_LIMITS.noticed).optional(),
    learned: text(HANDOFF_LIMITS.learned).optional(),
    story: text(HANDOFF_LIMITS.story).optional().describe('the session as a story'),
    becoming: text(HANDOFF_LIMITS.becoming)
      .optional()
      .describe('who the agent is becoming: a statement of its identity, which needs the permission identity:write'),
    remember: text(HANDOFF_LIMITS.remember).optional().describe('what the next session must know'),
    significance: significance.default(0.5),
    tags: z.array(text(HANDOFF_LIMITS.tagCharacters)).max(HANDOFF_LIMITS.tags).default([]),
    occurred_at: timestamp
      .optional()
      .describe('when the session was; now when left out, and as before in a correction'),
    ...statedProvenance,
  })
  .refine((body) => HANDOFF_PARTS.some((part) => body[part] !== undefined), {
    error: `must tell something: at least one of ${HANDOFF_PARTS.join(', ')}`,
  })
  .meta({ id: 'CreateHandoff' })
export type CreateHandoff = z.output<typeof createHandoffBody>

const told = {
  version: z.int(),
  with_whom: z.string(),
  experienced: z.string().nullable(),
  noticed: z.string().nullable(),
  learned: z.string().nullable(),
  story: z.string().nullable(),
  becoming: z.string().nullable(),
  remember: z.string().nullable(),
  significance: z.number(),
  tags: z.array(z.string()),
  occurred_at: timestamp,
  written_by: z.string().describe('<type>:<id> of who wrote this version'),
}

export const handoff = z
  .object({
    id: memoryId.describe('also the id of the memory by which a search finds it'),
    subject_id: z.string(),
    namespace: z.string(),
    session_id: z.string(),
    ...told,
    created_at: timestamp,
    updated_at: timestamp,
    standing: standing
      .optional()
      .describe('that of its memory; told with one handoff, lists leave out what is withheld'),
  })
  .meta({ id: 'Handoff' })
export type Handoff = z.input<typeof handoff>

export const handoffVersion = z
  .object({ ...told, written_at: timestamp, replaced_at: timestamp.nullable() })
  .meta({ id: 'HandoffVersion' })
export type HandoffVersion = z.input<typeof handoffVersion>

export const listHandoffsQuery = z.strictObject({
  ...pageQuery,
  subject_id: identifier.optional(),
  with_whom: personName.optional(),
  from: timestamp.optional().describe('happened at or after'),
  to: timestamp.optional().describe('happened before'),
})
export type ListHandoffsQuery = z.output<typeof listHandoffsQuery>

const idParams = z.strictObject({ id: memoryId })

export const handoffRoutes = {
  createHandoff: {
    method: 'POST',
    path: '/v1/handoffs',
    app: 'memory',
    access: 'memories:write',
    rate: 'write',
    summary: 'Hand a session over to the next one',
    description:
      'The same session again: with the same content it answers 200 and changes nothing; with other content it is a correction, the next version of the handoff, also 200.',
    body: createHandoffBody,
    responses: { 201: handoff, 200: handoff },
  },
  listHandoffs: {
    method: 'GET',
    path: '/v1/handoffs',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'Handoffs of a subject, the latest session first',
    query: listHandoffsQuery,
    responses: { 200: page(handoff) },
  },
  getLastHandoff: {
    method: 'GET',
    path: '/v1/handoffs/last',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'The handoff of the latest session, of those with a person if one is named',
    query: z.strictObject({ subject_id: identifier.optional(), with_whom: personName.optional() }),
    responses: { 200: handoff },
  },
  getHandoff: {
    method: 'GET',
    path: '/v1/handoffs/:id',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'One handoff',
    params: idParams,
    responses: { 200: handoff },
  },
  listHandoffVersions: {
    method: 'GET',
    path: '/v1/handoffs/:id/versions',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'The versions of a handoff, newest first',
    params: idParams,
    query: z.strictObject(pageQuery),
    responses: { 200: page(handoffVersion) },
  },
  deleteHandoff: {
    method: 'DELETE',
    path: '/v1/handoffs/:id',
    app: 'memory',
    access: 'memories:delete',
    rate: 'write',
    summary: 'Delete a handoff with its versions and its memory',
    description: 'One that says who the agent is becoming needs the permission identity:write, too.',
    params: idParams,
    responses: { 204: null },
  },
} as const satisfies Record<string, Route>
