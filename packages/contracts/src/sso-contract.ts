import { z } from 'zod'
import { loginAnswer } from './auth-contract.ts'
import { ssoProviderId } from './ids.ts'
import type { Route } from './route.ts'
import { text, timestamp } from './text.ts'

/** Roles that a provider may give; owners are made by owners only. */
export const ssoRole = z.enum(['admin', 'user', 'read_only'])

const settings = {
  name: text(100),
  issuer: z
    .url({ protocol: /^https?$/ })
    .max(512)
    .describe('exactly as the provider names itself; HTTPS'),
  client_id: text(256),
  additional_scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/, { error: 'must be a scope of OAuth' }))
    .max(20)
    .describe('what is asked for beside openid, email and profile, e.g. groups'),
  role_claim: text(100).nullable().describe('claim of the ID token with a name or a list of names, e.g. groups'),
  role_mapping: z
    .record(z.string().min(1).max(256), ssoRole)
    .refine((mapping) => Object.keys(mapping).length <= 500, { error: 'must have at most 500 names' })
    .describe('name in that claim -> role; the strongest counts, at every sign-in'),
  default_role: ssoRole
    .nullable()
    .describe(
      'for those whose names are not in the mapping, and for new members where there is no role_claim; null refuses them',
    ),
  create_members: z.boolean().describe('whether a person who is no member becomes one by signing in'),
  email_domains: z
    .array(
      z
        .string()
        .max(253)
        .regex(/^[^\s@]+$/, { error: 'must be a domain such as example.org' })
        .toLowerCase(),
    )
    .min(1)
    .max(50)
    .nullable()
    .describe('only addresses of these domains'),
}

const clientSecret = text(512)

const settingsWithDefaults = {
  ...settings,
  additional_scopes: settings.additional_scopes.default([]),
  role_claim: settings.role_claim.default(null),
  role_mapping: settings.role_mapping.default({}),
  default_role: settings.default_role.default('user'),
  create_members: settings.create_members.default(true),
  email_domains: settings.email_domains.default(null),
}

export const createSsoProviderBody = z
  .strictObject({ ...settingsWithDefaults, client_secret: clientSecret.describe('kept sealed, never shown') })
  .meta({ id: 'CreateSsoProvider' })

export const updateSsoProviderBody = z
  .strictObject({
    ...settingsWithDefaults,
    client_secret: clientSecret
      .optional()
      .describe('left out to keep the present one; needed when the issuer or the client_id is another'),
  })
  .meta({ id: 'UpdateSsoProvider' })

export const ssoProvider = z
  .object({
    id: ssoProviderId,
    ...settings,
    start_url: z.string().describe('where a browser begins to sign in'),
    redirect_uri: z.string().describe('what the provider must know as redirect URI'),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'SsoProvider' })

const idParams = z.strictObject({ id: ssoProviderId })
const providerParams = z.strictObject({ provider: ssoProviderId })

/** OpenID Connect: the providers of a tenant, and signing in through them. */
export const ssoRoutes = {
  createSsoProvider: {
    method: 'POST',
    path: '/v1/sso/providers',
    app: 'auth',
    access: 'admin:*',
    rate: 'write',
    summary: 'Add an identity provider (OpenID Connect)',
    body: createSsoProviderBody,
    responses: { 201: ssoProvider },
  },
  listSsoProviders: {
    method: 'GET',
    path: '/v1/sso/providers',
    app: 'auth',
    access: 'admin:*',
    rate: 'read',
    summary: 'The identity providers of the tenant',
    responses: { 200: z.object({ items: z.array(ssoProvider) }) },
  },
  updateSsoProvider: {
    method: 'PUT',
    path: '/v1/sso/providers/:id',
    app: 'auth',
    access: 'admin:*',
    rate: 'write',
    summary: 'Replace the settings of an identity provider',
    params: idParams,
    body: updateSsoProviderBody,
    responses: { 200: ssoProvider },
  },
  deleteSsoProvider: {
    method: 'DELETE',
    path: '/v1/sso/providers/:id',
    app: 'auth',
    access: 'admin:*',
    rate: 'write',
    summary: 'Remove an identity provider; sessions that began through it end',
    params: idParams,
    responses: { 204: null },
  },
  startSso: {
    method: 'GET',
    path: '/v1/auth/oidc/:provider/start',
    app: 'auth',
    access: 'anyone',
    rate: 'sign_in',
    summary: 'Send the browser to the identity provider',
    params: providerParams,
    // OpenID Connect Core 1.0 section 4: an identity provider that sends people here adds `iss` and others.
    query: z.looseObject({}),
    cookies: true,
    responses: { 302: null },
  },
  finishSso: {
    method: 'GET',
    path: '/v1/auth/oidc/:provider/callback',
    app: 'auth',
    access: 'anyone',
    rate: 'read',
    summary: 'Where the identity provider sends the browser back: signs in',
    params: providerParams,
    query: z.looseObject({
      code: z.string().min(1).max(4096).optional(),
      state: z.string().min(1).max(512).optional(),
      iss: z.string().max(512).optional(),
      error: z.string().max(256).optional(),
    }),
    headers: z.object({ cookie: z.string().max(16_384).optional() }),
    cookies: true,
    responses: { 200: loginAnswer },
  },
} as const satisfies Record<string, Route>
