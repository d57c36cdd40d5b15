import { z } from 'zod'
import { tenant } from './auth-contract.ts'
import { apiKeyId, userId } from './ids.ts'
import { networks } from './networks.ts'
import type { Route } from './route.ts'
import { text } from './text.ts'

/** What a tenant decides for itself; null is the rule of the installation. A tenant can only be stricter. */
export const tenantSettings = z
  .strictObject({
    password_min_length: z.int().min(15).max(64).nullable().describe('of passwords that stand alone'),
    session_lifetime_days: z.int().min(1).max(365).nullable(),
    session_idle_minutes: z.int().min(5).max(525_600).nullable(),
    sessions_per_user: z.int().min(1).max(100).nullable(),
    totp_required: z.boolean().describe('users without an authenticator app can do nothing but enrol one'),
    sso_required: z.boolean().describe('members sign in through a provider; owners may use their password still'),
    ip_allow: networks.nullable().describe('only from these addresses and networks'),
    api_key_default_days: z.int().min(1).max(3650).nullable(),
    api_key_max_days: z.int().min(1).max(3650).nullable(),
    rate_limit: z.int().min(1).max(10_000_000).nullable().describe('requests a minute of all its users and keys'),
    consent_required: z
      .boolean()
      .describe('nothing is stored of a subject without its valid consent to the purpose memory'),
    audit_reads: z.enum(['all', 'sampled', 'none']).describe('which reads of memories the audit log tells of'),
  })
  .meta({ id: 'TenantSettings' })
export type TenantSettings = z.infer<typeof tenantSettings>

/** The settings of a tenant that has not chosen any. */
export const DEFAULT_TENANT_SETTINGS: TenantSettings = {
  password_min_length: null,
  session_lifetime_days: null,
  session_idle_minutes: null,
  sessions_per_user: null,
  totp_required: false,
  sso_required: false,
  ip_allow: null,
  api_key_default_days: null,
  api_key_max_days: null,
  rate_limit: null,
  consent_required: false,
  audit_reads: 'all',
}

export const tenantWithSettings = tenant.extend({ settings: tenantSettings }).meta({ id: 'TenantWithSettings' })

export const updateTenantBody = z
  .strictObject({ name: text(100).optional(), settings: tenantSettings.partial().optional() })
  .meta({ id: 'UpdateTenant' })

export const containBody = z
  .strictObject({
    target: z.discriminatedUnion('type', [
      z.strictObject({ type: z.literal('tenant') }),
      z.strictObject({ type: z.literal('user'), id: userId }),
      z.strictObject({ type: z.literal('api_key'), id: apiKeyId }),
    ]),
    reason: text(256).describe('kept in the audit log as it is'),
  })
  .meta({ id: 'Contain' })

export const containment = z
  .object({ sessions_revoked: z.int(), api_keys_revoked: z.int() })
  .meta({ id: 'Containment' })

/** The tenant of the caller. */
export const tenantRoutes = {
  getTenant: {
    method: 'GET',
    path: '/v1/tenant',
    app: 'auth',
    access: 'admin:*',
    rate: 'read',
    summary: 'The tenant and its settings',
    responses: { 200: tenantWithSettings },
  },
  updateTenant: {
    method: 'PATCH',
    path: '/v1/tenant',
    app: 'auth',
    access: 'admin:*',
    rate: 'write',
    summary: 'Change the name or the settings; what is left out stays',
    body: updateTenantBody,
    responses: { 200: tenantWithSettings },
  },
  contain: {
    method: 'POST',
    path: '/v1/incidents/contain',
    app: 'auth',
    access: 'admin:*',
    rate: 'write',
    summary: 'Stop a tenant, a user or an API key at once: every session and key of it ends',
    description:
      'A contained user is deactivated and can be reactivated by an administrator. A contained tenant is suspended, with everybody in it, until the operator of the installation resumes it. From then on the audit log tells of every read, whatever audit_reads was.',
    body: containBody,
    responses: { 200: containment },
  },
} as const satisfies Record<string, Route>
