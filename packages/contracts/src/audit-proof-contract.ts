import { z } from 'zod'
import { hashText } from './audit-contract.ts'
import { eventId } from './ids.ts'
import { byteStream, type Route } from './route.ts'
import { queryInteger } from './text.ts'

const path = z.array(hashText).max(63)

/** That an event is in the log (RFC 6962 section 2.1.1). */
export const inclusionProof = z
  .strictObject({
    event_id: eventId,
    leaf_index: z.int(),
    tree_size: z.int(),
    path: path.describe('siblings from the leaf upwards'),
    canonical: z.string().describe('the leaf: its UTF-8 bytes are what is hashed'),
    checkpoint: z.string().describe('signed C2SP checkpoint of the tree of this size'),
  })
  .meta({ id: 'InclusionProof' })
export type InclusionProof = z.input<typeof inclusionProof>

/** That one state of the log continues another (RFC 6962 section 2.1.2). */
export const consistencyProof = z.strictObject({ from: z.int(), to: z.int(), path }).meta({ id: 'ConsistencyProof' })

const MAX_SIZE = 999_999_999_999_999

export const consistencyQuery = z.strictObject({
  from: queryInteger(1, MAX_SIZE).describe('size of the older tree'),
  to: queryInteger(1, MAX_SIZE)
    .optional()
    .describe('size of the newer tree; that of the last checkpoint when left out'),
})

/** How long the lines of a tenant are kept. */
export const retention = z
  .strictObject({
    retention_days: z
      .int()
      .min(180)
      .max(36_500)
      .nullable()
      .describe('lines may go this long after the end of their month; null: for ever'),
    legal_hold: z.boolean().describe('while it is true, nothing of the tenant goes'),
  })
  .meta({ id: 'AuditRetention' })
export type Retention = z.infer<typeof retention>

const eventParams = z.strictObject({ event_id: eventId })

/** What makes the log verifiable, and how long it is kept. */
export const auditProofRoutes = {
  getAuditCheckpoint: {
    method: 'GET',
    path: '/v1/audit/checkpoint',
    app: 'audit',
    access: 'audit:read',
    rate: 'read',
    summary: 'The last signed state of the log, as a C2SP checkpoint',
    stream: ['text/plain'],
    responses: { 200: byteStream },
  },
  getAuditProof: {
    method: 'GET',
    path: '/v1/audit/proof/:event_id',
    app: 'audit',
    access: 'audit:read',
    rate: 'read',
    summary: 'Proof that an event of the tenant is in the log',
    description:
      'It waits a moment for an event that is not under a checkpoint yet, then answers 503 with Retry-After.',
    params: eventParams,
    responses: { 200: inclusionProof },
  },
  getAuditProofFile: {
    method: 'GET',
    path: '/v1/audit/proof/:event_id/tlog-proof',
    app: 'audit',
    access: 'audit:read',
    rate: 'read',
    summary: 'The same proof as a C2SP .tlog-proof file',
    params: eventParams,
    stream: ['text/plain'],
    responses: { 200: byteStream },
  },
  getAuditConsistency: {
    method: 'GET',
    path: '/v1/audit/consistency',
    app: 'audit',
    access: 'audit:read',
    rate: 'read',
    summary: 'Proof that one state of the log continues another',
    query: consistencyQuery,
    responses: { 200: consistencyProof },
  },
  getAuditRetention: {
    method: 'GET',
    path: '/v1/audit/retention',
    app: 'audit',
    access: 'audit:read',
    rate: 'read',
    summary: 'How long the lines of the tenant are kept',
    responses: { 200: retention },
  },
  setAuditRetention: {
    method: 'PUT',
    path: '/v1/audit/retention',
    app: 'audit',
    access: 'admin:*',
    rate: 'write',
    summary: 'Change how long the lines of the tenant are kept, or hold all of them',
    body: retention,
    responses: { 200: retention },
  },
} as const satisfies Record<string, Route>
