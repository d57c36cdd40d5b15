import { z } from 'zod'
import { allowList, callerSettings, principal } from './caller.ts'
import { tenantId } from './ids.ts'
import { permission } from './permissions.ts'

/** The question of a gateway to auth: does this credential stand? API keys go as the HMAC-protected lookup parts, sessions by id. */
export const introspectBody = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('session'), session_id: z.string().max(64), user_id: z.string().max(64) }),
  z.strictObject({ kind: z.literal('api_key'), key_id: z.string().max(64), secret: z.string().max(128) }),
  z.strictObject({
    kind: z.literal('client'),
    api_key_id: z.string().max(64).describe('of an access token that was issued for an API key'),
    scopes: z.array(z.string().max(64)).max(50),
  }),
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
  networks: z.array(z.array(z.string())).describe('lists of addresses and networks; the client must be in each'),
  rateLimit: z.int().nullable().describe('requests a minute of this credential, where it has a limit of its own'),
  tenantRateLimit: z.int().nullable().describe('requests a minute of the whole tenant, where it has chosen one'),
  expiresAt: z.number().describe('ms since the epoch'),
  settings: callerSettings.optional().describe('of its tenant; left out where none of them differs from its default'),
})
export type Grant = z.infer<typeof grant>

/** Why a credential does not stand, for the log only; callers are not told. */
export const refusal = z.object({
  reason: z.enum([
    'unknown',
    'wrong_secret',
    'revoked',
    'expired',
    'creator_inactive',
    'user_inactive',
    'tenant_suspended',
    'scope_lost',
  ]),
  tenantId: tenantId.nullable(),
  principal: principal.nullable(),
})
export type Refusal = z.infer<typeof refusal>

export const introspectAnswer = z.union([
  z.object({ grant, refusal: z.null() }),
  z.object({ grant: z.null(), refusal }),
])
export type IntrospectAnswer = z.infer<typeof introspectAnswer>

/** Path of the introspection endpoint of auth; internal, never routed by the gateway. */
export const INTROSPECT_PATH = '/internal/introspect'
