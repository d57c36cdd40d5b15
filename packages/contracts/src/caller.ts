import { z } from 'zod'
import { tenantId } from './ids.ts'
import { permission } from './permissions.ts'

/** Names that a credential is limited to; `*` means no limit. */
export const allowList = z.union([z.literal('*'), z.array(z.string())])
export type AllowList = z.infer<typeof allowList>

export const principal = z.object({ type: z.enum(['user', 'api_key', 'service', 'anonymous']), id: z.string() })

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
})
export type Caller = z.infer<typeof caller>

/** Headers of requests between processes. Nothing that a client sends becomes one of these. */
export const SERVICE_KEY_HEADER = 'x-memoric-service-key'
export const IDENTITY_HEADER = 'x-memoric-identity'
export const REQUEST_ID_HEADER = 'x-request-id'
