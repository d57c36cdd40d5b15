import { z } from 'zod'
import { allowList, principal } from './caller.ts'
import { tenantId } from './ids.ts'
import { permission } from './permissions.ts'

/** The question of a gateway to auth: does this credential stand? API keys go as the HMAC-protected lookup parts, sessions by id. */
export const introspectBody = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('session'), session_id: z.string().max(64), user_id: z.string().max(64) }),
  z.strictObject({ kind: z.literal('api_key'), key_id: z.string().max(64), secret: z.string().max(128) }),
])
export type IntrospectBody = z.infer<typeof introspectBody>

/** What stands behind a live credential. `grantId` is what a revocation names: a session id or an API key id. */
export const grant = z.object({
  grantId: z.string(),
  tenantId,
  principal,
  permissions: z.array(permission),
  subjects: allowList,
  namespaces: allowList,
  expiresAt: z.number().describe('ms since the epoch'),
})
export type Grant = z.infer<typeof grant>

export const introspectAnswer = z.object({ grant: grant.nullable() })
export type IntrospectAnswer = z.infer<typeof introspectAnswer>

/** Path of the introspection endpoint of auth; internal, never routed by the gateway. */
export const INTROSPECT_PATH = '/internal/introspect'
