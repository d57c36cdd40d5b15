import { randomUUID } from 'node:crypto'
import type { Caller } from '@memoric/contracts/caller.ts'
import { loginAnswer } from '@memoric/contracts/auth-contract.ts'
import { createdInvitation, memberRoutes } from '@memoric/contracts/member-contract.ts'
import { ROLES, type Role } from '@memoric/contracts/permissions.ts'
import { createToken, hashToken } from '@memoric/crypto/opaque-token.ts'
import { describe, expect, test } from 'vitest'
import { buildApp } from '../src/app.ts'
import { addKey, addMember, askSession, countEvents, eventsOf } from './add-member.ts'
import { type Owner, PASSWORD, randomEmail, signUp } from './sign-up.ts'
import { call, useAuth } from './use-auth.ts'
import { useMailbox } from './use-mailbox.ts'

const mailbox = useMailbox()
const auth = useAuth(mailbox.settings)

type Asking = Pick<Owner, 'caller'>

const invite = ({ caller }: Asking, body: object) => auth.call('POST', '/v1/invitations', body, caller)
const list = ({ caller }: Asking, query = '') => auth.call('GET', `/v1/invitations${query}`, undefined, caller)
const revoke = ({ caller }: Asking, id: string) => auth.call('DELETE', `/v1/invitations/${id}`, undefined, caller)
const accept = (token: string, more: object = {}) =>
  auth.call('POST', '/v1/invitations/accept', { token, password: PASSWORD, ...more })
const patch = ({ caller }: Asking, id: string, body: object) => auth.call('PATCH', `/v1/users/${id}`, body, caller)
const remove = ({ caller }: Asking, id: string) => auth.call('DELETE', `/v1/users/${id}`, undefined, caller)

async function invited(by: Asking, role: Role = 'user', email = randomEmail()) {
  const answer = await invite(by, { email, role })
  expect(answer.status).toBe(201)
  return createdInvitation.parse(answer.body)
}

async function statuses(by: Asking): Promise<string[]> {
  const { items } = memberRoutes.listInvitations.responses[200].parse((await list(by)).body)
  return items.map(({ status }) => status)
}

async function membersOf({ tenantId }: Owner): Promise<number> {
  return (await auth.admin`select 1 from users where tenant_id = ${tenantId}`).length
}

const voidToken = { status: 401, body: { code: 'invalid_token' } }

describe('inviting', () => {
  test('shows the token once, and keeps its hash only', async () => {
    const owner = await signUp(auth)
    const email = randomEmail()
    const answer = await invite(owner, { email, role: 'admin', expires_in_days: 3 })
    expect(answer).toMatchObject({
      status: 201,
      body: { email, role: 'admin', invited_by: owner.userId, status: 'open', token: expect.stringMatching(/^mi_/) },
    })
    const { token, ...shown } = createdInvitation.parse(answer.body)
    expect(Date.parse(shown.expires_at) - Date.parse(shown.created_at)).toBe(3 * 86_400_000)
    expect((await list(owner)).body.items).toEqual([shown])
    const [row] = await auth.admin`
      select token_hash, i::text as text from invitations i where id = ${shown.id}`
    expect(row).toMatchObject({ token_hash: hashToken(token) })
    expect(row?.['text']).not.toContain(Buffer.from(email).toString('hex'))
  })

  test('sends a mail that says who invites, with a token of its own', async () => {
    const owner = await signUp(auth)
    const { email, token, expires_at } = await invited(owner, 'admin')
    const { text, tokens } = await mailbox.mailTo(email)
    for (const part of ['An Owner', 'Acme', 'admin', expires_at]) expect(text).toContain(part)
    expect(tokens).toHaveLength(1)
    expect(tokens[0]).toMatch(/^mi_/)
    expect(text).not.toContain(token)
  })

  test('is told, with the address sealed and without the token', async () => {
    const owner = await signUp(auth)
    const { id, email, token } = await invited(owner)
    const [event] = await eventsOf(auth, owner, 'invitation.created')
    expect(event).toMatchObject({ data: { resource_id: id, details: { role: 'user', expires_in_days: 7 } } })
    expect(auth.personalOf(event!).email).toBe(email)
    expect(JSON.stringify(event)).not.toContain(email)
    expect(JSON.stringify(event)).not.toContain(token)
  })

  test.each(ROLES)('an admin invites a %s, unless that is an owner', async (role) => {
    const admin = await addMember(auth, await signUp(auth), 'admin')
    const answer = await invite(admin, { email: randomEmail(), role })
    if (role === 'owner') expect(answer).toMatchObject({ status: 403, body: { code: 'owner_required' } })
    else expect(answer.status).toBe(201)
  })

  test('an API key invites no owner, and nobody who may do more than it', async () => {
    const owner = await signUp(auth)
    const [all, few] = [await addKey(auth, owner), await addKey(auth, owner, ['users:manage'])]
    const as = (key: Asking, role: Role) => invite(key, { email: randomEmail(), role })
    expect(await as(all, 'owner')).toMatchObject({ status: 403, body: { code: 'owner_required' } })
    expect(await as(few, 'read_only')).toMatchObject({ status: 403, body: { code: 'scope_exceeds_creator' } })
    expect(await as(all, 'admin')).toMatchObject({ status: 201, body: { invited_by: owner.userId } })
  })

  test('a member is not invited again', async () => {
    const owner = await signUp(auth)
    const member = await addMember(auth, owner)
    await patch(owner, member.userId, { active: false })
    const answer = await invite(owner, { email: member.email.toUpperCase(), role: 'admin' })
    expect(answer).toMatchObject({ status: 409, body: { code: 'email_taken' } })
  })

  test('members of other tenants are, and nothing tells', async () => {
    const [owner, other] = [await signUp(auth), await signUp(auth)]
    const { token } = await invited(owner, 'user', other.email)
    expect((await accept(token)).status).toBe(201)
  })

  test('a second invitation to an address replaces the first', async () => {
    const owner = await signUp(auth)
    const email = randomEmail()
    const first = await invited(owner, 'admin', email)
    const second = await invited(owner, 'read_only', email.toUpperCase())
    expect(await statuses(owner)).toEqual(['open', 'revoked'])
    expect(await accept(first.token)).toMatchObject(voidToken)
    expect(await accept(second.token)).toMatchObject({ status: 201, body: { user: { role: 'read_only' } } })
    expect(await eventsOf(auth, owner, 'invitation.revoked')).toMatchObject([
      { data: { resource_id: first.id, reason: 'replaced' } },
    ])
  })

  test('of many invitations to an address at once, one is open', async () => {
    const owner = await signUp(auth)
    const email = randomEmail()
    const all = await Promise.all(Array.from({ length: 10 }, () => invite(owner, { email, role: 'user' })))
    expect(new Set(all.map(({ status }) => status))).toEqual(new Set([201]))
    expect((await statuses(owner)).toSorted()).toEqual(['open', ...Array<string>(9).fill('revoked')])
  })

  test.each([
    { expires_in_days: 0 },
    { expires_in_days: 31 },
    { token: 'mi_x' },
    { tenant_id: randomUUID() },
    { invited_by: randomUUID() },
    { email: 'nobody' },
    { role: 'root' },
  ])('%j is refused', async (more) => {
    const owner = await signUp(auth)
    expect((await invite(owner, { email: randomEmail(), role: 'user', ...more })).status).toBe(400)
    expect((await list(owner)).body.items).toEqual([])
  })
})

describe('taking an invitation back', () => {
  test('makes its token void, and is told', async () => {
    const owner = await signUp(auth)
    const { id, token } = await invited(owner)
    expect(await revoke(owner, id)).toMatchObject({ status: 204, body: null })
    expect(await accept(token)).toMatchObject(voidToken)
    expect(await eventsOf(auth, owner, 'invitation.revoked')).toMatchObject([{ data: { resource_id: id } }])
  })

  test('says why it cannot be done', async () => {
    const owner = await signUp(auth)
    const [back, used, old] = [await invited(owner), await invited(owner), await invited(owner)]
    await revoke(owner, back.id)
    await accept(used.token)
    await auth.admin`update invitations set expires_at = now() where id = ${old.id}`
    const ended = (detail: string) => ({ status: 409, body: { code: 'invitation_ended', detail } })
    expect(await revoke(owner, back.id)).toMatchObject(ended('it is revoked'))
    expect(await revoke(owner, used.id)).toMatchObject(ended('it is accepted'))
    expect(await revoke(owner, old.id)).toMatchObject(ended('it is expired'))
    expect(await statuses(owner)).toEqual(['expired', 'accepted', 'revoked'])
  })

  test("another tenant's invitation is as unknown as one that does not exist", async () => {
    const [owner, other] = [await signUp(auth), await signUp(auth)]
    const { id, token } = await invited(other)
    const [foreign, missing] = [await revoke(owner, id), await revoke(owner, randomUUID())]
    expect(foreign).toMatchObject({ status: 404, body: { code: 'invitation_not_found' } })
    expect({ ...foreign.body, request_id: '' }).toEqual({ ...missing.body, request_id: '' })
    expect((await list(owner)).body.items).toEqual([])
    expect((await accept(token)).status).toBe(201)
  })
})

describe('accepting', () => {
  test('makes a member who is signed in', async () => {
    const owner = await signUp(auth)
    const { id, email, token } = await invited(owner, 'admin')
    const answer = await accept(token, { display_name: 'Grace' })
    expect(answer.status).toBe(201)
    const { user, required_actions } = loginAnswer.parse(answer.body)
    const expected = { tenant_id: owner.tenantId, email, display_name: 'Grace', role: 'admin', active: true }
    expect(user).toMatchObject(expected)
    expect(required_actions).toEqual([])
    const [session] = await auth.admin<{ id: string; method: string }[]>`
      select id, method from sessions where user_id = ${user.id}`
    expect(session?.method).toBe('invitation')
    const caller: Partial<Caller> = { sessionId: session!.id }
    expect((await askSession(auth, { caller, userId: user.id })).grant?.tenantId).toBe(owner.tenantId)
    expect(await statuses(owner)).toEqual(['accepted'])
    const actor = `user:${user.id}`
    expect(await eventsOf(auth, owner, 'invitation.accepted')).toMatchObject([
      { actor, data: { resource_id: id, details: { user_id: user.id, role: 'admin' } } },
    ])
    expect(await eventsOf(auth, owner, 'auth.login.succeeded')).toMatchObject([
      { actor, data: { resource_id: session!.id, details: { method: 'invitation' } } },
    ])
  })

  test('the token of the mail proves the address, the one that the inviter was shown does not', async () => {
    const owner = await signUp(auth)
    const [mailed, shown] = [await invited(owner), await invited(owner)]
    const { tokens } = await mailbox.mailTo(mailed.email)
    expect(await accept(tokens[0]!)).toMatchObject({ status: 201, body: { user: { email_verified: true } } })
    expect(await accept(shown.token)).toMatchObject({ status: 201, body: { user: { email_verified: false } } })
    const proof = await mailbox.mailTo(shown.email, 'Confirm')
    expect((await auth.call('POST', '/v1/auth/verify-email', { token: proof.tokens[0] })).status).toBe(204)
    expect((await mailbox.mailsTo(mailed.email)).map(({ subject }) => subject)).not.toContain(proof.subject)
  })

  test('where nobody signs in before the address is proven, only the token of the mail is good', async () => {
    const owner = await signUp(auth)
    const { email, token } = await invited(owner)
    const { tokens } = await mailbox.mailTo(email)
    const config = { ...auth.deps.config, REGISTRATION: 'verified' as const }
    const app = await buildApp(config, { ...auth.deps, config })
    const take = (text: string) => call(app, 'POST', '/v1/invitations/accept', { token: text, password: PASSWORD })
    expect(await take(token)).toMatchObject({ status: 403, body: { code: 'email_not_verified' } })
    expect((await take(tokens[0]!)).status).toBe(201)
    await app.close()
  })

  test('either token uses up both', async () => {
    const owner = await signUp(auth)
    const { email, token } = await invited(owner)
    const { tokens } = await mailbox.mailTo(email)
    expect((await accept(tokens[0]!)).status).toBe(201)
    for (const used of [token, tokens[0]!]) expect(await accept(used)).toMatchObject(voidToken)
  })

  test('the password that was set signs in', async () => {
    const owner = await signUp(auth)
    const { email, token } = await invited(owner)
    await accept(token)
    const body = { email, password: PASSWORD, tenant: owner.tenantId }
    expect((await auth.call('POST', '/v1/auth/login', body)).status).toBe(200)
  })

  test('works once, also when twenty try at once', async () => {
    const owner = await signUp(auth)
    const { token } = await invited(owner)
    const answers = await Promise.all(Array.from({ length: 20 }, () => accept(token)))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, ...Array<number>(19).fill(401)])
    expect(await membersOf(owner)).toBe(2)
    expect(await eventsOf(auth, owner, 'invitation.accepted')).toHaveLength(1)
    expect(await accept(token)).toMatchObject(voidToken)
  })

  test('every token that is no good gets the same answer', async () => {
    const owner = await signUp(auth)
    const [back, used, old] = [await invited(owner), await invited(owner), await invited(owner)]
    await revoke(owner, back.id)
    await accept(used.token)
    await auth.admin`update invitations set expires_at = now() where id = ${old.id}`
    const events = await countEvents(auth, owner)
    const tokens = [back.token, used.token, old.token, createToken('mi'), createToken('mr'), 'mi_x', back.id]
    const bodies: object[] = []
    for (const token of tokens) {
      const answer = await accept(token)
      expect(answer).toMatchObject(voidToken)
      bodies.push({ ...answer.body, request_id: '' })
    }
    expect(new Set(bodies.map((body) => JSON.stringify(body))).size).toBe(1)
    expect(await membersOf(owner)).toBe(2)
    expect(await countEvents(auth, owner)).toBe(events)
  })

  test('a weak password does not use the invitation up', async () => {
    const owner = await signUp(auth)
    const { token } = await invited(owner)
    const weak = await accept(token, { password: 'short' })
    expect(weak).toMatchObject({ status: 422, body: { code: 'weak_password', errors: [{ pointer: '/password' }] } })
    expect(await membersOf(owner)).toBe(1)
    expect((await accept(token)).status).toBe(201)
  })

  test('the tenant decides how long the password must be', async () => {
    const owner = await signUp(auth)
    await auth.call('PATCH', '/v1/tenant', { settings: { password_min_length: 40 } }, owner.caller)
    const { token } = await invited(owner)
    expect((await accept(token)).body.code).toBe('weak_password')
    expect((await accept(token, { password: `${PASSWORD} ${PASSWORD}` })).status).toBe(201)
  })

  test('a suspended tenant takes in nobody, and the invitation lasts', async () => {
    const owner = await signUp(auth)
    const { token } = await invited(owner)
    await auth.admin`update tenants set suspended_at = now() where id = ${owner.tenantId}`
    expect(await accept(token)).toMatchObject({ status: 403, body: { code: 'tenant_suspended' } })
    await auth.admin`update tenants set suspended_at = null where id = ${owner.tenantId}`
    expect((await accept(token)).status).toBe(201)
  })

  test('a tenant with networks takes in nobody from outside, and the invitation lasts', async () => {
    const owner = await signUp(auth)
    const { token } = await invited(owner)
    await auth.call('PATCH', '/v1/tenant', { settings: { ip_allow: ['192.0.2.0/24'] } }, owner.caller)
    const from = (clientAddress: string) =>
      auth.call('POST', '/v1/invitations/accept', { token, password: PASSWORD }, { clientAddress })
    expect(await from('198.51.100.1')).toMatchObject({ status: 403, body: { code: 'address_not_allowed' } })
    expect((await from('192.0.2.200')).status).toBe(201)
  })

  test('somebody who became a member meanwhile is one already', async () => {
    const owner = await signUp(auth)
    const { email, token } = await invited(owner)
    const body = { email, role: 'user', password: PASSWORD }
    const { id } = (await auth.call('POST', '/v1/users', body, owner.caller)).body
    expect(await accept(token)).toMatchObject({ status: 409, body: { code: 'email_taken' } })
    expect(await membersOf(owner)).toBe(2)
    await remove(owner, id)
    expect(await accept(token)).toMatchObject(voidToken)
    expect(await membersOf(owner)).toBe(1)
  })

  test('the tenant may ask for more before the new member does anything', async () => {
    const owner = await signUp(auth)
    await auth.call('PATCH', '/v1/tenant', { settings: { totp_required: true } }, owner.caller)
    expect(await accept((await invited(owner)).token)).toMatchObject({
      status: 201,
      body: { required_actions: ['enroll_totp'] },
    })
    await auth.admin`update tenants set settings = settings || '{"sso_required": true}' where id = ${owner.tenantId}`
    expect(await accept((await invited(owner)).token)).toMatchObject({
      status: 201,
      body: { required_actions: ['sign_in_with_sso'] },
    })
  })

  test.each([{ role: 'owner' }, { email: 'x@example.com' }, { tenant: randomUUID() }])(
    '%j is refused',
    async (more) => {
      const { token } = await invited(await signUp(auth))
      expect((await accept(token, more)).status).toBe(400)
      expect((await accept(token)).status).toBe(201)
    },
  )
})

describe('an invitation is worth what its inviter is worth when it is accepted', () => {
  test.each([
    ['deactivated', { active: false }],
    ['demoted', { role: 'user' }],
  ])('void while the inviter is %s', async (_how, change) => {
    const owner = await signUp(auth)
    const admin = await addMember(auth, owner, 'admin')
    const { token } = await invited(admin)
    await patch(owner, admin.userId, change)
    expect(await accept(token)).toMatchObject(voidToken)
    expect(await membersOf(owner)).toBe(2)
    await patch(owner, admin.userId, { role: 'admin', active: true })
    expect((await accept(token)).status).toBe(201)
  })

  test('void for an owner when the inviter is not one any more, and good for an admin', async () => {
    const owner = await signUp(auth)
    const second = await addMember(auth, owner, 'owner')
    const [asOwner, asAdmin] = [await invited(second, 'owner'), await invited(second, 'admin')]
    await patch(owner, second.userId, { role: 'admin' })
    expect(await accept(asOwner.token)).toMatchObject(voidToken)
    expect((await accept(asAdmin.token)).status).toBe(201)
  })

  test('revoked, and told, when the inviter is removed', async () => {
    const owner = await signUp(auth)
    const admin = await addMember(auth, owner, 'admin')
    const { id, token } = await invited(admin)
    await remove(owner, admin.userId)
    expect(await accept(token)).toMatchObject(voidToken)
    expect(await statuses(owner)).toEqual(['revoked'])
    expect(await eventsOf(auth, owner, 'invitation.revoked')).toMatchObject([
      { data: { resource_id: id, reason: 'member_removed' } },
    ])
  })

  test('void when the API key that invites was revoked, or its maker stopped', async () => {
    const owner = await signUp(auth)
    const admin = await addMember(auth, owner, 'admin')
    const [key, other] = [await addKey(auth, admin), await addKey(auth, admin)]
    const [byKey, byOther] = [await invited(key), await invited(other)]
    await auth.call('DELETE', `/v1/api-keys/${key.id}`, undefined, owner.caller)
    expect(await accept(byKey.token)).toMatchObject(voidToken)
    await patch(owner, admin.userId, { active: false })
    expect(await accept(byOther.token)).toMatchObject(voidToken)
    await patch(owner, admin.userId, { active: true })
    expect((await accept(byOther.token)).status).toBe(201)
  })

  test('inviter and invitation may go at the same moment as it is accepted', async () => {
    const owner = await signUp(auth)
    for (let round = 0; round < 10; round += 1) {
      const admin = await addMember(auth, owner, 'admin')
      const { id, email, token } = await invited(admin)
      const [accepted, ...others] = await Promise.all([
        accept(token),
        remove(owner, admin.userId),
        revoke(owner, id),
        invite(owner, { email, role: 'user' }),
      ])
      expect([201, 401]).toContain(accepted.status)
      for (const { status } of others) expect(status).toBeLessThan(500)
    }
  })
})

describe('the list of invitations', () => {
  test('shows every one once, newest first, without tokens', async () => {
    const owner = await signUp(auth)
    const made: Awaited<ReturnType<typeof invited>>[] = []
    for (let index = 0; index < 5; index += 1) made.unshift(await invited(owner))
    const seen: string[] = []
    let cursor = ''
    for (let pages = 0; pages < 3; pages += 1) {
      const { items, next_cursor } = (await list(owner, `?limit=2${cursor}`)).body
      seen.push(...items.map(({ id }) => id))
      cursor = `&cursor=${next_cursor}`
      expect(next_cursor === null).toBe(pages === 2)
      expect(JSON.stringify(items)).not.toContain('mi_')
    }
    expect(seen).toEqual(made.map(({ id }) => id))
  })

  test('is for those who manage users', async () => {
    const member = await addMember(auth, await signUp(auth))
    for (const answer of [await list(member), await invite(member, { email: randomEmail(), role: 'user' })]) {
      expect(answer).toMatchObject({ status: 403, body: { code: 'permission_denied' } })
    }
    expect((await list({ caller: {} })).status).toBe(401)
  })
})
