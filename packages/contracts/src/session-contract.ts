import { z } from 'zod'
import { sessionId } from './ids.ts'
import type { Route } from './route.ts'
import { timestamp } from './text.ts'

export const session = z
  .object({
    id: sessionId,
    created_at: timestamp,
    last_used_at: timestamp,
    expires_at: timestamp.describe('when it ends at the latest'),
    idle_expires_at: timestamp.describe('when it ends unless it is used'),
    method: z.enum(['password', 'sso', 'registration', 'invitation']).describe('how the user signed in'),
    ip_address: z.string().nullable().describe('where it began'),
    user_agent: z.string().nullable(),
    current: z.boolean().describe('whether it is the one that asks'),
  })
  .meta({ id: 'Session' })

const idParams = z.strictObject({ id: sessionId })

/** The own sessions of a signed-in user. */
export const sessionRoutes = {
  listSessions: {
    method: 'GET',
    path: '/v1/auth/sessions',
    app: 'auth',
    access: 'signed_in',
    rate: 'read',
    summary: 'List the own live sessions, newest first',
    responses: { 200: z.object({ items: z.array(session) }) },
  },
  getSession: {
    method: 'GET',
    path: '/v1/auth/sessions/:id',
    app: 'auth',
    access: 'signed_in',
    rate: 'read',
    summary: 'Read one of the own live sessions',
    params: idParams,
    responses: { 200: session },
  },
  revokeSession: {
    method: 'DELETE',
    path: '/v1/auth/sessions/:id',
    app: 'auth',
    access: 'signed_in',
    rate: 'write',
    summary: 'End one of the own sessions',
    params: idParams,
    responses: { 204: null },
  },
  revokeOtherSessions: {
    method: 'DELETE',
    path: '/v1/auth/sessions',
    app: 'auth',
    access: 'signed_in',
    rate: 'write',
    summary: 'End all own sessions but the one that asks',
    responses: { 204: null },
  },
} as const satisfies Record<string, Route>
