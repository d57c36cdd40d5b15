import { z } from 'zod'
import { capsuleId, memoryId } from './ids.ts'
import { memory } from './memory-contract.ts'
import { page, pageQuery } from './page.ts'
import { principalName } from './provenance-contract.ts'
import type { Route } from './route.ts'
import { text, timestamp } from './text.ts'

export const CAPSULE_LIMITS = { memories: 200, audience: 50, name: 200, note: 2000, days: 365 } as const

const member = z
  .string()
  .regex(/^(?:user|api_key):[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, {
    error: 'must be user:<id> or api_key:<id>',
  })
  .meta({ description: 'user:<id> or api_key:<id>' })

export const createCapsuleBody = z
  .strictObject({
    name: text(CAPSULE_LIMITS.name),
    note: text(CAPSULE_LIMITS.note).optional().describe('what the readers should know of it'),
    memory_ids: z
      .array(memoryId)
      .min(1)
      .max(CAPSULE_LIMITS.memories)
      .describe('all of one subject; they are shared in the version that they have now'),
    audience: z.array(member).min(1).max(CAPSULE_LIMITS.audience).describe('who may open it'),
    expires_at: timestamp.optional(),
    expires_in_days: z.int().min(1).max(CAPSULE_LIMITS.days).optional(),
  })
  .refine((body) => (body.expires_at === undefined) !== (body.expires_in_days === undefined), {
    path: ['expires_at'],
    error: 'or expires_in_days is needed, and not both',
  })
  .refine(({ memory_ids }) => new Set(memory_ids).size === memory_ids.length, {
    path: ['memory_ids'],
    error: 'must not name a memory twice',
  })
  .meta({ id: 'CreateCapsule' })
export type CreateCapsule = z.output<typeof createCapsuleBody>

export const capsule = z
  .object({
    id: capsuleId,
    subject_id: z.string(),
    name: z.string(),
    note: z.string().nullable(),
    memories: z.int().describe('that are in it; what is deleted leaves it'),
    audience: z.array(z.string()),
    created_by: principalName,
    created_at: timestamp,
    expires_at: timestamp,
  })
  .meta({ id: 'Capsule' })
export type Capsule = z.input<typeof capsule>

const opened = z
  .object({
    items: z.array(memory).describe('as they were when the capsule was made, without those that are withheld now'),
  })
  .meta({ id: 'OpenedCapsule' })

const idParams = z.strictObject({ id: capsuleId })

export const capsuleRoutes = {
  createCapsule: {
    method: 'POST',
    path: '/v1/capsules',
    app: 'memory',
    access: 'memories:write',
    rate: 'write',
    summary: 'Share memories with named users and API keys of the tenant until a time',
    body: createCapsuleBody,
    responses: { 201: capsule },
  },
  listCapsules: {
    method: 'GET',
    path: '/v1/capsules',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'Capsules made by the caller, for the caller, or of the caller’s own memories, newest first',
    query: z.strictObject(pageQuery),
    responses: { 200: page(capsule) },
  },
  getCapsule: {
    method: 'GET',
    path: '/v1/capsules/:id',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'What a capsule is, without its memories',
    params: idParams,
    responses: { 200: capsule },
  },
  openCapsule: {
    method: 'GET',
    path: '/v1/capsules/:id/memories',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'The memories of a capsule, for its audience',
    params: idParams,
    responses: { 200: opened },
  },
  revokeCapsule: {
    method: 'DELETE',
    path: '/v1/capsules/:id',
    app: 'memory',
    access: 'memories:write',
    rate: 'write',
    summary: 'Take a capsule back',
    description: 'By who made it, by the user whose memories are in it, or by who holds admin:*.',
    params: idParams,
    responses: { 204: null },
  },
} as const satisfies Record<string, Route>
