import { z } from 'zod'
import { email, loginAnswer, password, user } from './auth-contract.ts'
import { invitationId, userId } from './ids.ts'
import { page, pageQuery } from './page.ts'
import { role } from './permissions.ts'
import type { Route } from './route.ts'
import { mailedToken } from './password-contract.ts'
import { text, timestamp } from './text.ts'

export const createUserBody = z
  .strictObject({
    email,
    role,
    display_name: text(100).optional(),
    password: password.optional().describe('when left out, the user sets one with the mail that follows'),
  })
  .meta({ id: 'CreateUser' })

export const updateUserBody = z
  .strictObject({
    role: role.optional(),
    display_name: text(100).nullable().optional(),
    active: z.boolean().optional(),
  })
  .refine((change) => Object.keys(change).length > 0, { error: 'must change something' })
  .meta({ id: 'UpdateUser' })

export const inviteBody = z
  .strictObject({
    email,
    role,
    expires_in_days: z.int().min(1).max(30).default(7),
  })
  .meta({ id: 'Invite' })

export const invitation = z
  .object({
    id: invitationId,
    email,
    role,
    invited_by: userId.nullable(),
    created_at: timestamp,
    expires_at: timestamp,
    status: z.enum(['open', 'accepted', 'revoked', 'expired']),
  })
  .meta({ id: 'Invitation' })

export const createdInvitation = invitation
  .extend({
    token: z
      .string()
      .describe(
        'to hand to the invited person where no mail arrives; shown only here. The mail has another one, which also proves the address',
      ),
  })
  .meta({ id: 'CreatedInvitation' })

export const acceptInvitationBody = z
  .strictObject({ token: mailedToken, password, display_name: text(100).optional() })
  .meta({ id: 'AcceptInvitation' })

const userParams = z.strictObject({ id: userId })

/** The members of a tenant, and those who are invited. */
export const memberRoutes = {
  createUser: {
    method: 'POST',
    path: '/v1/users',
    app: 'auth',
    access: 'users:manage',
    rate: 'write',
    summary: 'Add a member',
    body: createUserBody,
    responses: { 201: user },
  },
  listUsers: {
    method: 'GET',
    path: '/v1/users',
    app: 'auth',
    access: 'users:manage',
    rate: 'read',
    summary: 'List the members, newest first',
    query: z.strictObject({ ...pageQuery, email: email.optional().describe('only the member with this address') }),
    responses: { 200: page(user) },
  },
  getUser: {
    method: 'GET',
    path: '/v1/users/:id',
    app: 'auth',
    access: 'users:manage',
    rate: 'read',
    summary: 'One member',
    params: userParams,
    responses: { 200: user },
  },
  updateUser: {
    method: 'PATCH',
    path: '/v1/users/:id',
    app: 'auth',
    access: 'users:manage',
    rate: 'write',
    summary: 'Change the role or the name of a member, deactivate or reactivate',
    description:
      'A new role counts within a second; deactivation ends sessions and stops API keys. Only owners change owners, and one active owner always stays.',
    params: userParams,
    body: updateUserBody,
    responses: { 200: user },
  },
  removeUser: {
    method: 'DELETE',
    path: '/v1/users/:id',
    app: 'auth',
    access: 'users:manage',
    rate: 'write',
    summary: 'Remove a member with sessions, and revoke the API keys that the member made',
    params: userParams,
    responses: { 204: null },
  },
  revokeUserSessions: {
    method: 'DELETE',
    path: '/v1/users/:id/sessions',
    app: 'auth',
    access: 'users:manage',
    rate: 'write',
    summary: 'End every session of a member',
    params: userParams,
    responses: { 204: null },
  },
  resetUserTotp: {
    method: 'DELETE',
    path: '/v1/users/:id/totp',
    app: 'auth',
    access: 'users:manage',
    rate: 'write',
    summary: 'Take the authenticator app from a member who has lost it; sessions end',
    params: userParams,
    responses: { 204: null },
  },
  createInvitation: {
    method: 'POST',
    path: '/v1/invitations',
    app: 'auth',
    access: 'users:manage',
    rate: 'write',
    summary: 'Invite a person by mail',
    body: inviteBody,
    responses: { 201: createdInvitation },
  },
  listInvitations: {
    method: 'GET',
    path: '/v1/invitations',
    app: 'auth',
    access: 'users:manage',
    rate: 'read',
    summary: 'List invitations, newest first',
    query: z.strictObject(pageQuery),
    responses: { 200: page(invitation) },
  },
  revokeInvitation: {
    method: 'DELETE',
    path: '/v1/invitations/:id',
    app: 'auth',
    access: 'users:manage',
    rate: 'write',
    summary: 'Take an invitation back',
    params: z.strictObject({ id: invitationId }),
    responses: { 204: null },
  },
  acceptInvitation: {
    method: 'POST',
    path: '/v1/invitations/accept',
    app: 'auth',
    access: 'anyone',
    rate: 'sign_in',
    summary: 'Become a member with the token of an invitation, and sign in',
    body: acceptInvitationBody,
    responses: { 201: loginAnswer },
  },
} as const satisfies Record<string, Route>
