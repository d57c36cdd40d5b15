import { z } from 'zod'
import { apiKeyId, userId } from './ids.ts'
import { networks } from './networks.ts'
import { page, pageQuery } from './page.ts'
import { permission } from './permissions.ts'
import type { Route } from './route.ts'
import { identifier, text, timestamp } from './text.ts'

export const createApiKeyBody = z
  .strictObject({
    name: text(100),
    scopes: z.array(permission).min(1).max(50),
    namespaces: z.array(identifier).min(1).max(100).optional().describe('only these namespaces; all when left out'),
    subjects: z.array(identifier).min(1).max(100).optional().describe('only these subjects; all when left out'),
    ip_allow: networks.optional().describe('only from these addresses and networks; from anywhere when left out'),
    expires_in_days: z
      .int()
      .min(1)
      .max(3650)
      .optional()
      .describe('90 when left out, unless the tenant has another default; the tenant also sets the most'),
    rate_limit: z.int().min(1).max(1_000_000).optional().describe('requests a minute, below the general limit'),
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
    ip_allow: z.array(z.string()).nullable(),
    rate_limit: z.int().nullable(),
    created_by: userId.nullable(),
    created_at: timestamp,
    expires_at: timestamp,
    last_used_at: timestamp.nullable(),
    revoked_at: timestamp.nullable(),
    successor_id: apiKeyId.nullable().describe('the key that took its place when it was rotated'),
  })
  .meta({ id: 'ApiKey' })

export const createdApiKey = apiKey
  .extend({ key: z.string().describe('the whole key; it is shown only here') })
  .meta({ id: 'CreatedApiKey' })

export const rotateApiKeyBody = z
  .strictObject({
    overlap_seconds: z
      .int()
      .min(0)
      .max(604_800)
      .default(86_400)
      .describe('how long the old key still works, never beyond its own end; 0 ends it at once'),
  })
  .meta({ id: 'RotateApiKey' })

export const reportLeakBody = z
  .strictObject({
    key: z.string().min(1).max(256).describe('the key that was found'),
    url: z.url().max(2048).optional().describe('where it was found'),
  })
  .meta({ id: 'ReportLeak' })

/** RFC 6749 section 4.4; as a form or as JSON. An API key is the client: its public id and the key itself. */
export const issueTokenBody = z
  .strictObject({
    grant_type: z.string().max(64).describe('client_credentials'),
    client_id: z.string().max(64).optional().describe('key_id of an API key; or by HTTP Basic'),
    client_secret: z.string().max(256).optional().describe('the API key; or by HTTP Basic'),
    scope: z.string().max(1024).optional().describe('permissions, separated by spaces; all of the key when left out'),
  })
  .meta({ id: 'IssueToken' })

export const issueTokenAnswer = z
  .object({
    access_token: z.string(),
    token_type: z.literal('Bearer'),
    expires_in: z.int().describe('seconds'),
    scope: z.string(),
  })
  .meta({ id: 'IssuedToken' })

const idParams = z.strictObject({ id: apiKeyId })

/** API keys, and the tokens that are given for them. */
export const apiKeyRoutes = {
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
  rotateApiKey: {
    method: 'POST',
    path: '/v1/api-keys/:id/rotate',
    app: 'auth',
    access: 'keys:manage',
    rate: 'write',
    summary: 'Replace an API key by a new one with the same limits; the old one works on for the overlap',
    params: idParams,
    body: rotateApiKeyBody.prefault({}),
    responses: { 201: createdApiKey },
  },
  reportLeak: {
    method: 'POST',
    path: '/v1/api-keys/report-leak',
    app: 'auth',
    access: 'anyone',
    rate: 'sign_in',
    summary: 'Report a key that was found where it should not be: it is revoked at once',
    description: 'The answer is the same for every text, so that nobody learns whether a key is real.',
    body: reportLeakBody,
    responses: { 202: z.object({}) },
  },
  issueToken: {
    method: 'POST',
    path: '/v1/auth/token',
    app: 'auth',
    access: 'anyone',
    rate: 'read',
    summary: 'OAuth 2.0 client credentials: a short-lived access token for an API key',
    description:
      'The client authenticates by HTTP Basic or in the body, not both. Parameters of a form that are not known are ignored; problems carry the `error` of RFC 6749.',
    query: z.looseObject({}),
    headers: z.object({ authorization: z.string().max(1024).optional() }),
    body: issueTokenBody,
    bodyLimit: 65_536,
    form: true,
    responses: { 200: issueTokenAnswer },
  },
} as const satisfies Record<string, Route>
