import { z } from 'zod'
import { apiKeyId, tenantId, userId } from './ids.ts'
import { pageQuery, page } from './page.ts'
import { permission, role } from './permissions.ts'
import type { Route } from './route.ts'
import { identifier, text, timestamp } from './text.ts'

const email = z.email().max(254)
const password = z.string().min(1).max(1024)
const refreshTokenText = z.string().min(1).max(512)

export const user = z
  .object({
    id: userId,
    tenant_id: tenantId,
    email,
    display_name: z.string().nullable(),
    role,
    created_at: timestamp,
  })
  .meta({ id: 'User' })

export const tenant = z.object({ id: tenantId, name: z.string(), created_at: timestamp }).meta({ id: 'Tenant' })

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
  .strictObject({ email, password, tenant: tenantId.optional(), totp: z.string().max(16).optional() })
  .meta({ id: 'Login' })
export const loginAnswer = z.object({ ...tokenPair, user }).meta({ id: 'SignedIn' })

export const refreshBody = z.strictObject({ refresh_token: refreshTokenText }).meta({ id: 'Refresh' })
export const refreshAnswer = z.object(tokenPair).meta({ id: 'TokenPair' })

export const meAnswer = z
  .object({
    principal: z.object({ type: z.enum(['user', 'api_key']), id: z.string() }),
    user: user.nullable().describe('null when the caller is an API key'),
    tenant,
    permissions: z.array(permission),
  })
  .meta({ id: 'Me' })

export const createApiKeyBody = z
  .strictObject({
    name: text(100),
    scopes: z.array(permission).min(1).max(50),
    namespaces: z.array(identifier).min(1).max(100).optional().describe('only these namespaces; all when left out'),
    subjects: z.array(identifier).min(1).max(100).optional().describe('only these subjects; all when left out'),
    expires_in_days: z.int().min(1).max(365).optional().describe('90 when left out'),
  })
  .meta({ id: 'CreateApiKey' })

export const apiKey = z
  .object({
    id: apiKeyId,
    key_id: z.string().describe('the public part of the key, shown in logs'),
    name: z.string(),
    scopes: z.array(permission),
    namespaces: z.array(z.string()).nullable(),
    subjects: z.array(z.string()).nullable(),
    created_by: userId.nullable(),
    created_at: timestamp,
    expires_at: timestamp,
    last_used_at: timestamp.nullable(),
    revoked_at: timestamp.nullable(),
  })
  .meta({ id: 'ApiKey' })

export const createdApiKey = apiKey
  .extend({ key: z.string().describe('the whole key; it is shown only here') })
  .meta({ id: 'CreatedApiKey' })

const idParams = z.strictObject({ id: apiKeyId })

export const authRoutes = {
  register: {
    method: 'POST',
    path: '/v1/auth/register',
    app: 'auth',
    access: 'anyone',
    rate: 'sign_in',
    summary: 'Make a tenant and its owner',
    body: registerBody,
    responses: { 201: registerAnswer },
  },
  login: {
    method: 'POST',
    path: '/v1/auth/login',
    app: 'auth',
    access: 'anyone',
    rate: 'sign_in',
    summary: 'Sign in with e-mail and password',
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
  createApiKey: {
    method: 'POST',
    path: '/v1/api-keys',
    app: 'auth',
    access: 'keys:manage',
    rate: 'write',
    summary: 'Make an API key; the answer is the only place that shows it',
    body: createApiKeyBody,
    responses: { 201: createdApiKey },
  },
  listApiKeys: {
    method: 'GET',
    path: '/v1/api-keys',
    app: 'auth',
    access: 'keys:manage',
    rate: 'read',
    summary: 'List the API keys of the tenant, newest first',
    query: z.strictObject(pageQuery),
    responses: { 200: page(apiKey) },
  },
  getApiKey: {
    method: 'GET',
    path: '/v1/api-keys/:id',
    app: 'auth',
    access: 'keys:manage',
    rate: 'read',
    summary: 'One API key',
    params: idParams,
    responses: { 200: apiKey },
  },
  revokeApiKey: {
    method: 'DELETE',
    path: '/v1/api-keys/:id',
    app: 'auth',
    access: 'keys:manage',
    rate: 'write',
    summary: 'Revoke an API key; every gateway refuses it within a second',
    params: idParams,
    responses: { 204: null },
  },
} as const satisfies Record<string, Route>
