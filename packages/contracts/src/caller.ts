import { z } from 'zod'
import { tenantId } from './ids.ts'
import { permission } from './permissions.ts'
import { REASON_MAX } from './stated-reason.ts'

/** Names that a credential is limited to; `*` means no limit. */
export const allowList = z.union([z.literal('*'), z.array(z.string())])
export type AllowList = z.infer<typeof allowList>

export const principal = z.object({ type: z.enum(['user', 'api_key', 'service', 'anonymous']), id: z.string() })

/** Settings of a tenant that services heed; they travel with each request, so that no service keeps a copy. */
export const callerSettings = z.object({
  consent_required: z.boolean(),
  audit_reads: z.enum(['all', 'sampled', 'none']),
})
export type CallerSettings = z.infer<typeof callerSettings>

/** Who calls, as the gateway found out: what every request between processes carries, signed for 30 seconds. */
export const caller = z.object({
  tenantId,
  principal,
  sessionId: z.string().nullable().describe('session of a user; null for every other caller'),
  permissions: z.array(permission),
  subjects: allowList,
  namespaces: allowList,
  requestId: z.string(),
  clientAddress: z.string(),
  userAgent: z.string().nullable(),
  settings: callerSettings.optional().describe('of its tenant; left out where none of them differs from its default'),
  reason: z.string().max(REASON_MAX).optional().describe('why it asks, as it says itself'),
  traceparent: z.string().max(55).optional().describe('the trace that it named; that of the request id when left out'),
})
export type Caller = z.infer<typeof caller>

/** Headers of requests between processes. Nothing that a client sends becomes one of these. */
export const SERVICE_KEY_HEADER = 'x-memoric-service-key'
export const IDENTITY_HEADER = 'x-memoric-identity'
export const REQUEST_ID_HEADER = 'x-request-id'
