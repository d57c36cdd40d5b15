import { z } from 'zod'
import { problem } from './error-codes.ts'
import { idempotencyKey } from './idempotency-key.ts'
import { memoryId, tenantId } from './ids.ts'
import { page, pageQuery } from './page.ts'
import { provenance, standing, statedProvenance, trust } from './provenance-contract.ts'
import type { Route } from './route.ts'
import { identifier, jsonObject, jsonValue, text, textBytes, timestamp } from './text.ts'

export const MEMORY_LIMITS = {
  contentBytes: 32_768,
  metadataBytes: 16_384,
  tags: 20,
  tagCharacters: 50,
  entities: 50,
  batchItems: 500,
  batchBytes: 16_777_216,
} as const

/** The tiers of a tenant that has named none of its own. */
export const TIERS = ['short_term', 'mid_term', 'long_term'] as const

/** The name of a tier; which ones there are, the policy of the tenant says. */
export const tier = z
  .string()
  .regex(/^[a-z][a-z0-9_-]{0,31}$/, { error: 'must be a lower case letter and up to 31 of a-z, 0-9, _ and -' })
  .meta({ description: 'a tier of the policy: short_term, mid_term and long_term unless the tenant named its own' })
export type Tier = z.infer<typeof tier>

/** What enrichment can add to a memory where its caller left it out. */
export const ENRICHED_FIELDS = ['topic', 'category', 'entities', 'importance', 'sentiment'] as const
export const enrichedField = z.enum(ENRICHED_FIELDS)
export type EnrichedField = z.infer<typeof enrichedField>

/** Importance by name, as a share of 1. */
export const IMPORTANCE_LEVELS = { low: 0.3, medium: 0.5, high: 0.8, critical: 1 } as const

const importance = z
  .union([z.number().min(0).max(1), z.enum(['low', 'medium', 'high', 'critical'])])
  .transform((value) => (typeof value === 'number' ? value : IMPORTANCE_LEVELS[value]))
  .meta({ description: 'low, medium, high, critical, or a number from 0 to 1' })

const sentiment = z.number().min(-1).max(1).describe('how it sounds: -1 bad, 0 neither, 1 good')

const label = text(128)
const entities = z.array(label).max(MEMORY_LIMITS.entities)
const tags = z.array(text(MEMORY_LIMITS.tagCharacters)).max(MEMORY_LIMITS.tags)
const metadata = jsonObject(MEMORY_LIMITS.metadataBytes)
const content = textBytes(MEMORY_LIMITS.contentBytes)
const ttlSeconds = z
  .int()
  .min(1)
  .max(10 * 365 * 86_400)

/** The subject of a request that names none and whose credential is bound to none. */
export const DEFAULT_SUBJECT = 'default'
export const DEFAULT_NAMESPACE = 'default'

export const createMemoryBody = z
  .strictObject({
    content: content.describe('what to remember, at most 32 KiB'),
    subject_id: identifier.optional().describe('whose memory it is: your id for a person or an agent'),
    namespace: identifier.optional(),
    thread_id: identifier.optional(),
    session_id: identifier.optional(),
    role: text(64).optional().describe('who spoke: user, assistant, system, tool or your own word'),
    speaker: label.optional(),
    occurred_at: timestamp.optional().describe('when it happened; now when left out'),
    importance: importance.optional(),
    sentiment: sentiment.optional(),
    topic: label.optional(),
    category: label.optional(),
    entities: entities.optional(),
    tags: tags.optional(),
    metadata: metadata.optional(),
    tier: tier.optional(),
    ttl_seconds: ttlSeconds.optional().describe('forgotten after so many seconds'),
    ...statedProvenance,
    on_duplicate: z
      .enum(['reinforce', 'create'])
      .optional()
      .describe('what to do when the subject has the same content in the same thread'),
  })
  .meta({ id: 'CreateMemory' })
export type CreateMemory = z.output<typeof createMemoryBody>

export const updateMemoryBody = z
  .strictObject({
    content: content.optional(),
    role: text(64).nullable().optional(),
    speaker: label.nullable().optional(),
    occurred_at: timestamp.optional(),
    importance: importance.optional(),
    sentiment: sentiment.nullable().optional(),
    topic: label.nullable().optional(),
    category: label.nullable().optional(),
    entities: entities.optional(),
    tags: tags.optional(),
    metadata: metadata.optional().describe('replaces the metadata as a whole'),
    tier: tier.optional(),
    ttl_seconds: ttlSeconds.nullable().optional().describe('counted from now; null keeps the memory for good'),
    source: statedProvenance.source.describe('of the new words; as when a memory is made when left out'),
    trust: statedProvenance.trust.describe(
      'never more than the credential gives; new words are never trusted more than those before, unless this says so',
    ),
  })
  .refine((body) => Object.keys(body).length > 0, { error: 'must name at least one field to change' })
  .meta({ id: 'UpdateMemory' })
export type UpdateMemory = z.output<typeof updateMemoryBody>

export const memory = z
  .object({
    id: memoryId,
    tenant_id: tenantId,
    subject_id: z.string(),
    namespace: z.string(),
    thread_id: z.string().nullable(),
    session_id: z.string().nullable(),
    seq: z.int().describe('1, 2, 3 ... within the subject'),
    version: z.int(),
    content: z.string(),
    role: z.string().nullable(),
    speaker: z.string().nullable(),
    topic: z.string().nullable(),
    category: z.string().nullable(),
    entities: z.array(z.string()),
    tags: z.array(z.string()),
    metadata: z.record(z.string(), jsonValue),
    tier,
    importance: z.number(),
    sentiment: z.number().nullable().describe('-1 bad, 0 neither, 1 good; null when nobody said'),
    enriched: z.array(enrichedField).describe('fields that the caller left out and that were derived from the content'),
    seen_count: z.int(),
    occurred_at: timestamp,
    created_at: timestamp,
    updated_at: timestamp,
    expires_at: timestamp.nullable(),
    provenance,
    trust,
    standing,
    standing_factor: z.number().describe('what its score is multiplied by: 1, less when attenuated, 0 when withheld'),
  })
  .meta({ id: 'Memory' })
export type Memory = z.input<typeof memory>

export const memoryVersion = memory
  .pick({
    version: true,
    content: true,
    role: true,
    speaker: true,
    topic: true,
    category: true,
    entities: true,
    tags: true,
    metadata: true,
    tier: true,
    importance: true,
    sentiment: true,
    enriched: true,
    occurred_at: true,
    expires_at: true,
    provenance: true,
    trust: true,
  })
  .extend({ written_at: timestamp, replaced_at: timestamp.nullable() })
  .meta({ id: 'MemoryVersion' })
export type MemoryVersion = z.input<typeof memoryVersion>

const batchBody = z
  .strictObject({
    items: z
      .array(z.unknown())
      .min(1)
      .max(MEMORY_LIMITS.batchItems)
      .meta({
        description: '1..500 bodies of POST /v1/memories, each judged by itself',
        items: { $ref: '#/components/schemas/CreateMemory' },
      }),
  })
  .meta({ id: 'CreateMemories' })

const batchAnswer = z
  .object({
    items: z.array(
      z.object({
        status: z.int().describe('201 made, 200 reinforced, otherwise the status of the problem'),
        memory: memory.optional(),
        problem: problem.optional(),
      }),
    ),
  })
  .meta({ id: 'CreatedMemories' })

export const listMemoriesQuery = z.strictObject({
  ...pageQuery,
  subject_id: identifier.optional(),
  namespace: identifier.optional(),
  thread_id: identifier.optional(),
  tier: tier.optional(),
  before: timestamp.optional().describe('happened before'),
  after: timestamp.optional().describe('happened at or after'),
  withheld: z
    .enum(['true', 'false'])
    .transform((value) => value === 'true')
    .optional()
    .describe('also memories that are quarantined or retracted'),
})
export type ListMemoriesQuery = z.output<typeof listMemoriesQuery>

const idParams = z.strictObject({ id: memoryId })
/** The version that a change is meant for. */
export const ifMatch = z.object({
  'if-match': z
    .string()
    .regex(/^(?:W\/)?"?\d{1,9}"?$/, { error: 'must be the version of the memory' })
    .transform((value) => Number(value.replace(/\D/g, '')))
    .optional(),
})

export const memoryRoutes = {
  createMemory: {
    method: 'POST',
    path: '/v1/memories',
    app: 'memory',
    access: 'memories:write',
    rate: 'write',
    summary: 'Remember something',
    description: 'The same content again in the same subject and thread reinforces the memory and answers 200.',
    headers: idempotencyKey,
    body: createMemoryBody,
    responses: { 201: memory, 200: memory },
  },
  createMemories: {
    method: 'POST',
    path: '/v1/memories/batch',
    app: 'memory',
    access: 'memories:write',
    rate: 'write',
    summary: 'Remember up to 500 things in one transaction',
    headers: idempotencyKey,
    body: batchBody,
    bodyLimit: MEMORY_LIMITS.batchBytes,
    responses: { 200: batchAnswer },
  },
  listMemories: {
    method: 'GET',
    path: '/v1/memories',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'List memories, newest first',
    query: listMemoriesQuery,
    responses: { 200: page(memory) },
  },
  getMemory: {
    method: 'GET',
    path: '/v1/memories/:id',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'One memory',
    params: idParams,
    responses: { 200: memory },
  },
  updateMemory: {
    method: 'PATCH',
    path: '/v1/memories/:id',
    app: 'memory',
    access: 'memories:write',
    rate: 'write',
    summary: 'Change a memory; the version before stays in its history',
    params: idParams,
    headers: ifMatch,
    body: updateMemoryBody,
    responses: { 200: memory },
  },
  deleteMemory: {
    method: 'DELETE',
    path: '/v1/memories/:id',
    app: 'memory',
    access: 'memories:delete',
    rate: 'write',
    summary: 'Delete a memory with its history',
    params: idParams,
    headers: ifMatch,
    responses: { 204: null },
  },
  getMemoryHistory: {
    method: 'GET',
    path: '/v1/memories/:id/history',
    app: 'memory',
    access: 'memories:read',
    rate: 'read',
    summary: 'The versions of a memory, newest first',
    params: idParams,
    query: z.strictObject(pageQuery),
    responses: { 200: page(memoryVersion) },
  },
} as const satisfies Record<string, Route>
