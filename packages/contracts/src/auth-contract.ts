import { z } from 'zod'
import { tenantId, userId } from './ids.ts'
import { permission, role } from './permissions.ts'
import type { Route } from './route.ts'
import { text, timestamp } from './text.ts'

/** An e-mail address; upper and lower case are the same address. */
export const email = z.email().max(254)

/** What is typed as a password; the rules of a new one are checked after its shape. */
export const password = z.string().min(1).max(1024)

/** A code of the authenticator app (6 digits), or a recovery code. */
export const secondFactor = z.string().min(6).max(64)

const refreshTokenText = z.string().min(1).max(512)

export const user = z
  .object({
    id: userId,
    tenant_id: tenantId,
    email,
    display_name: z.string().nullable(),
    role,
    active: z.boolean().describe('false while the user is deactivated: nothing of the user works then'),
    email_verified: z.boolean(),
    totp_enabled: z.boolean(),
    last_sign_in_at: timestamp.nullable(),
    created_at: timestamp,
  })
  .meta({ id: 'User' })

export const tenant = z.object({ id: tenantId, name: z.string(), created_at: timestamp }).meta({ id: 'Tenant' })

/** What the tenant asks of a user before the user may do anything else. */
export const requiredAction = z.enum(['enroll_totp', 'sign_in_with_sso'])
export type RequiredAction = z.infer<typeof requiredAction>

const requiredActions = z
  .array(requiredAction)
  .describe('what the tenant asks of the user first; until then only the routes for signed-in users work')

const tokenPair = {
  access_token: z.string().describe('JWT (EdDSA), to send as Authorization: Bearer'),
  refresh_token: z.string().describe('opaque, works once'),
  token_type: z.literal('Bearer'),
  expires_in: z.int().describe('seconds until the access token expires'),
}

export const registerBody = z
  .strictObject({ email, password, tenant_name: text(100), display_name: text(100).optional() })
  .meta({ id: 'Register' })
export const registerAnswer = z.object({ user, tenant, ...tokenPair }).meta({ id: 'Registered' })

export const loginBody = z
  .strictObject({ email, password, tenant: tenantId.optional(), totp: secondFactor.optional() })
  .meta({ id: 'Login' })
export const loginAnswer = z.object({ ...tokenPair, user, required_actions: requiredActions }).meta({ id: 'SignedIn' })

export const refreshBody = z.strictObject({ refresh_token: refreshTokenText }).meta({ id: 'Refresh' })
export const refreshAnswer = z.object(tokenPair).meta({ id: 'TokenPair' })

export const meAnswer = z
  .object({
    principal: z.object({ type: z.enum(['user', 'api_key']), id: z.string() }),
    user: user.nullable().describe('null when the caller is an API key'),
    tenant,
    permissions: z.array(permission),
    required_actions: requiredActions,
  })
  .meta({ id: 'Me' })

export const authRoutes = {
  register: {
    method: 'POST',
    path: '/v1/auth/register',
    app: 'auth',
    access: 'anyone',
    rate: 'sign_in',
    summary: 'Make a tenant and its owner',
    body: registerBody,
    responses: { 201: registerAnswer, 202: z.object({}) },
    description:
      'Where registration asks for a verified address (REGISTRATION=verified) the answer is 202, for every address the same, and a mail follows.',
  },
  login: {
    method: 'POST',
    path: '/v1/auth/login',
    app: 'auth',
    access: 'anyone',
    rate: 'sign_in',
    summary: 'Sign in with e-mail and password',
    description:
      'Where an authenticator app is in use, `totp` is a code of it or a recovery code; without it the answer to the right password is 401 `totp_required`. After five failures each further one makes the next attempt wait longer: 429 `sign_in_throttled`.',
    body: loginBody,
    responses: { 200: loginAnswer },
  },
  refresh: {
    method: 'POST',
    path: '/v1/auth/refresh',
    app: 'auth',
    access: 'anyone',
    rate: 'read',
    summary: 'Exchange a refresh token for a new pair',
    body: refreshBody,
    responses: { 200: refreshAnswer },
  },
  logout: {
    method: 'POST',
    path: '/v1/auth/logout',
    app: 'auth',
    access: 'anyone',
    rate: 'read',
    summary: 'End the session of a refresh token',
    body: refreshBody,
    responses: { 204: null },
  },
  me: {
    method: 'GET',
    path: '/v1/auth/me',
    app: 'auth',
    access: 'signed_in',
    rate: 'read',
    summary: 'Who the credential belongs to',
    responses: { 200: meAnswer },
  },
} as const satisfies Record<string, Route>
