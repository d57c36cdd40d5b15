import { randomUUID } from 'node:crypto'
import type { Caller } from '@memoric/contracts/caller.ts'
import { memberRoutes } from '@memoric/contracts/member-contract.ts'
import { ROLE_PERMISSIONS, ROLES, type Role } from '@memoric/contracts/permissions.ts'
import { decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import { addKey, addMember, askKey, askSession, countEvents, eventsOf } from './add-member.ts'
import { useRevokedIds } from './revocation-signals.ts'
import { type Owner, PASSWORD, randomEmail, signUp } from './sign-up.ts'
import { useAuth } from './use-auth.ts'
import { useMailbox } from './use-mailbox.ts'

const mailbox = useMailbox()
const auth = useAuth(mailbox.settings)
const revoked = useRevokedIds(auth)

type Asking = Pick<Owner, 'caller'>

const create = ({ caller }: Asking, body: object) => auth.call('POST', '/v1/users', body, caller)
const list = ({ caller }: Asking, query = '') => auth.call('GET', `/v1/users${query}`, undefined, caller)
const get = ({ caller }: Asking, id: string) => auth.call('GET', `/v1/users/${id}`, undefined, caller)
const patch = ({ caller }: Asking, id: string, body: object) => auth.call('PATCH', `/v1/users/${id}`, body, caller)
const remove = ({ caller }: Asking, id: string) => auth.call('DELETE', `/v1/users/${id}`, undefined, caller)
const endSessions = ({ caller }: Asking, id: string) =>
  auth.call('DELETE', `/v1/users/${id}/sessions`, undefined, caller)
const resetTotp = ({ caller }: Asking, id: string) => auth.call('DELETE', `/v1/users/${id}/totp`, undefined, caller)

const newcomer = (role: Role = 'user') => ({ email: randomEmail(), role, password: PASSWORD })
const limited = ({ caller }: Asking, more: Partial<Caller>): Asking => ({ caller: { ...caller, ...more } })

async function rolesOf({ tenantId }: Owner): Promise<string[]> {
  const rows = await auth.admin<{ role: string }[]>`
    select role from users where tenant_id = ${tenantId} and deactivated_at is null order by role`
  return rows.map(({ role }) => role)
}

const giveTotp = (id: string) => auth.admin`
  update users set totp_sealed = '\\x00', totp_confirmed_at = now(), totp_last_step = 1,
    recovery_code_hashes = array['\\x01'::bytea] where id = ${id}`

describe('adding a member', () => {
  test('answers the member, who can be read back', async () => {
    const owner = await signUp(auth)
    const body = { ...newcomer('admin'), display_name: 'Grace' }
    const answer = await create(owner, body)
    expect(answer).toMatchObject({
      status: 201,
      body: {
        tenant_id: owner.tenantId,
        email: body.email,
        display_name: 'Grace',
        role: 'admin',
        active: true,
        email_verified: false,
        totp_enabled: false,
        last_sign_in_at: null,
      },
    })
    expect((await get(owner, String(answer.body.id))).body).toEqual(answer.body)
  })

  test('is told, with the address sealed and the name left out', async () => {
    const owner = await signUp(auth)
    const body = { ...newcomer(), display_name: 'Grace Hopper' }
    const { id } = (await create(owner, body)).body
    const [event] = await eventsOf(auth, owner, 'user.created')
    expect(event).toMatchObject({
      actor: `user:${owner.userId}`,
      data: { resource_id: id, status_code: 201, details: { role: 'user', with_password: true } },
    })
    expect(auth.personalOf(event!).email).toBe(body.email)
    expect(JSON.stringify(event)).not.toMatch(/Grace|example\.com/)
  })

  test('an address is taken once in a tenant, in whichever case, also when many ask at once', async () => {
    const owner = await signUp(auth)
    const body = newcomer()
    const spellings = Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? body.email : body.email.toUpperCase()))
    const answers = await Promise.all(spellings.map((email) => create(owner, { ...body, email })))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, ...Array<number>(9).fill(409)])
    expect(await create(owner, { ...body, email: owner.email })).toMatchObject({ body: { code: 'email_taken' } })
    expect(await eventsOf(auth, owner, 'user.created')).toHaveLength(1)
  })

  test('an address that another tenant has is free, and nothing tells', async () => {
    const [owner, other] = [await signUp(auth), await signUp(auth)]
    const body = newcomer()
    const [here, there] = [await create(owner, body), await create(other, body)]
    expect([here.status, there.status]).toEqual([201, 201])
    expect(Object.keys(there.body)).toEqual(Object.keys(here.body))
    expect((await create(owner, { ...newcomer(), email: other.email })).status).toBe(201)
  })

  test('a weak password is refused, and nothing is stored', async () => {
    const owner = await signUp(auth)
    await auth.call('PATCH', '/v1/tenant', { settings: { password_min_length: 40 } }, owner.caller)
    const before = await countEvents(auth, owner)
    const weak = await create(owner, newcomer())
    expect(weak).toMatchObject({ status: 422, body: { code: 'weak_password', errors: [{ pointer: '/password' }] } })
    expect((await list(owner)).body.items).toHaveLength(1)
    expect(await countEvents(auth, owner)).toBe(before)
  })

  test('a member without a password gets a mail to set one, which proves the address', async () => {
    const owner = await signUp(auth)
    const { email, role } = newcomer()
    const { id } = (await create(owner, { email, role })).body
    const [row] = await auth.admin`select password_hash from users where id = ${id}`
    expect(row).toEqual({ password_hash: null })
    const login = () => auth.call('POST', '/v1/auth/login', { email, password: PASSWORD })
    expect((await login()).status).toBe(401)
    const { tokens } = await mailbox.mailTo(email)
    const body = { token: tokens[0], new_password: PASSWORD }
    expect((await auth.call('POST', '/v1/auth/reset-password', body)).status).toBe(204)
    expect((await login()).status).toBe(200)
    expect((await get(owner, id)).body).toMatchObject({ email_verified: true })
    const [event] = await eventsOf(auth, owner, 'user.created')
    expect(event?.data.details).toEqual({ role, with_password: false })
  })

  test('a member with a password gets a mail to prove the address', async () => {
    const owner = await signUp(auth)
    const body = newcomer()
    const { id } = (await create(owner, body)).body
    const { tokens } = await mailbox.mailTo(body.email)
    expect((await auth.call('POST', '/v1/auth/verify-email', { token: tokens[0] })).status).toBe(204)
    expect((await get(owner, id)).body).toMatchObject({ email_verified: true })
  })

  test.each(['id', 'tenant_id', 'password_hash', 'email_index', 'active', 'email_verified_at', 'created_at'])(
    'sending the column %s is refused',
    async (column) => {
      const owner = await signUp(auth)
      expect(await create(owner, { ...newcomer(), [column]: 'x' })).toMatchObject({
        status: 400,
        body: { code: 'validation_failed', errors: [{ pointer: `/${column}` }] },
      })
      expect((await list(owner)).body.items).toHaveLength(1)
    },
  )
})

describe('nobody gives more than the own', () => {
  test.each(ROLES)('an admin adds and makes a %s, unless that is an owner', async (role) => {
    const owner = await signUp(auth)
    const [admin, member] = [await addMember(auth, owner, 'admin'), await addMember(auth, owner)]
    const allowed = role !== 'owner'
    expect((await create(admin, newcomer(role))).status).toBe(allowed ? 201 : 403)
    const changed = await patch(admin, member.userId, { role })
    if (allowed) expect(changed).toMatchObject({ status: 200, body: { role } })
    else expect(changed).toMatchObject({ status: 403, body: { code: 'owner_required' } })
  })

  test('an API key never counts as an owner', async () => {
    const owner = await signUp(auth)
    const [key, second] = [await addKey(auth, owner), await addMember(auth, owner, 'owner')]
    const refused = { status: 403, body: { code: 'owner_required' } }
    expect(await create(key, newcomer('owner'))).toMatchObject(refused)
    expect(await patch(key, second.userId, { role: 'admin' })).toMatchObject(refused)
    expect(await remove(key, second.userId)).toMatchObject(refused)
    expect((await create(key, newcomer('admin'))).status).toBe(201)
  })

  test('a key that only manages users gives no role that may do more', async () => {
    const owner = await signUp(auth)
    const [key, member] = [await addKey(auth, owner, ['users:manage']), await addMember(auth, owner)]
    const refused = { status: 403, body: { code: 'scope_exceeds_creator' } }
    for (const role of ROLES) expect(await create(key, newcomer(role))).toMatchObject(refused)
    expect(await patch(key, member.userId, { role: 'admin' })).toMatchObject(refused)
    expect((await patch(key, member.userId, { active: false })).status).toBe(200)
    expect(await patch(key, member.userId, { active: true })).toMatchObject(refused)
  })

  test.each([
    ['subjects', 'subject_not_allowed'],
    ['namespaces', 'namespace_not_allowed'],
  ])('a key that is limited to %s gives no role, since no role is', async (limit, code) => {
    const key = await addKey(auth, await signUp(auth))
    expect(await create(limited(key, { [limit]: ['a'] }), newcomer())).toMatchObject({ status: 403, body: { code } })
  })

  test.each(['user', 'read_only'] as const)('a %s manages nobody', async (role) => {
    const owner = await signUp(auth)
    const member = await addMember(auth, owner, role)
    for (const answer of [await create(member, newcomer()), await list(member), await remove(member, owner.userId)]) {
      expect(answer).toMatchObject({ status: 403, body: { code: 'permission_denied' } })
    }
  })

  test.each([
    ['demoted', { role: 'user' }, 'permission_denied'],
    ['deactivated', { active: false }, 'invalid_token'],
  ])('an admin who was %s a moment ago changes nothing', async (_how, change, code) => {
    const owner = await signUp(auth)
    const [admin, member] = [await addMember(auth, owner, 'admin'), await addMember(auth, owner)]
    await patch(owner, admin.userId, change)
    expect(await create(admin, newcomer())).toMatchObject({ body: { code } })
    expect(await patch(admin, member.userId, { display_name: 'x' })).toMatchObject({ body: { code } })
    expect(await remove(admin, member.userId)).toMatchObject({ body: { code } })
    expect((await get(owner, member.userId)).body).toMatchObject({ display_name: null })
  })

  test('an admin who was removed a moment ago changes nothing', async () => {
    const owner = await signUp(auth)
    const [admin, member] = [await addMember(auth, owner, 'admin'), await addMember(auth, owner)]
    await remove(owner, admin.userId)
    expect(await remove(admin, member.userId)).toMatchObject({ status: 401, body: { code: 'invalid_token' } })
    expect((await get(owner, member.userId)).status).toBe(200)
  })
})

describe('only owners act on owners', () => {
  const acts: [string, (by: Asking, id: string) => ReturnType<typeof remove>][] = [
    ['demote', (by, id) => patch(by, id, { role: 'user' })],
    ['deactivate', (by, id) => patch(by, id, { active: false })],
    ['rename', (by, id) => patch(by, id, { display_name: 'x' })],
    ['remove', remove],
    ['end the sessions of', endSessions],
    ['reset the authenticator app of', resetTotp],
  ]

  test.each(acts)('an admin cannot %s one, an owner can', async (_what, act) => {
    const owner = await signUp(auth)
    const [admin, second] = [await addMember(auth, owner, 'admin'), await addMember(auth, owner, 'owner')]
    await giveTotp(second.userId)
    const before = [await get(owner, second.userId), await countEvents(auth, owner)]
    expect(await act(admin, second.userId)).toMatchObject({ status: 403, body: { code: 'owner_required' } })
    expect([(await get(owner, second.userId)).body, await countEvents(auth, owner)]).toEqual([
      (before[0] as { body: object }).body,
      before[1],
    ])
    expect((await askSession(auth, second)).refusal).toBeNull()
    expect((await act(owner, second.userId)).status).toBeLessThan(300)
  })

  test('an admin cannot reactivate one', async () => {
    const owner = await signUp(auth)
    const [admin, second] = [await addMember(auth, owner, 'admin'), await addMember(auth, owner, 'owner')]
    await patch(owner, second.userId, { active: false })
    expect(await patch(admin, second.userId, { active: true })).toMatchObject({ body: { code: 'owner_required' } })
    expect(await patch(owner, second.userId, { active: true })).toMatchObject({ status: 200, body: { active: true } })
  })
})

describe('one active owner stays', () => {
  test.each([
    ['demoted', (by: Owner) => patch(by, by.userId, { role: 'admin' })],
    ['deactivated', (by: Owner) => patch(by, by.userId, { active: false })],
    ['removed', (by: Owner) => remove(by, by.userId)],
  ])('the last one cannot be %s', async (_how, act) => {
    const owner = await signUp(auth)
    const second = await addMember(auth, owner, 'owner')
    await patch(owner, second.userId, { active: false })
    expect(await act(owner)).toMatchObject({ status: 409, body: { code: 'last_owner' } })
    await patch(owner, second.userId, { active: true })
    expect((await act(owner)).status).toBeLessThan(300)
    expect(await rolesOf(owner)).toContain('owner')
  })

  test('who becomes one does not keep a session that began at a provider', async () => {
    const owner = await signUp(auth)
    const member = await addMember(auth, owner, 'admin')
    await auth.admin`update sessions set method = 'sso' where user_id = ${member.userId}`
    const promoted = await auth.call('PATCH', `/v1/users/${member.userId}`, { role: 'owner' }, owner.caller)
    expect(promoted.status).toBe(200)
    const sessions = await auth.admin`select revoked_reason as reason from sessions where user_id = ${member.userId}`
    expect(sessions).toMatchObject([{ reason: 'promoted' }])
  })

  test('a deactivated owner can be removed by the last one', async () => {
    const owner = await signUp(auth)
    const second = await addMember(auth, owner, 'owner')
    await patch(owner, second.userId, { active: false })
    expect((await remove(owner, second.userId)).status).toBe(204)
  })

  test('two owners who demote each other at once: one stays, again and again', async () => {
    const first = await signUp(auth)
    for (let round = 0; round < 20; round += 1) {
      const second = await addMember(auth, first, 'owner')
      const answers = await Promise.all([
        patch(first, second.userId, { role: 'admin' }),
        patch(second, first.userId, { role: 'admin' }),
      ])
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 403])
      expect((await rolesOf(first)).filter((role) => role === 'owner')).toHaveLength(1)
      const [stays, fell] = answers[0].status === 200 ? [first, second] : [second, first]
      await patch(stays, first.userId, { role: 'owner' })
      if (fell === first) await patch(first, second.userId, { role: 'user' })
    }
  })

  test('five owners who stop each other in every way at once: one stays at least', async () => {
    for (let round = 0; round < 5; round += 1) {
      const first = await signUp(auth)
      const others = await Promise.all(Array.from({ length: 4 }, () => addMember(auth, first, 'owner')))
      const owners = [first, ...others]
      const acts = owners.flatMap((by, i) => [
        patch(by, owners[(i + 1) % 5]!.userId, { role: 'user' }),
        patch(by, owners[(i + 2) % 5]!.userId, { active: false }),
        remove(by, owners[(i + 3) % 5]!.userId),
        patch(by, by.userId, { role: 'admin' }),
      ])
      for (const { status } of await Promise.all(acts)) expect([200, 204, 401, 403, 404, 409]).toContain(status)
      expect(await rolesOf(first)).toContain('owner')
    }
  })
})

describe('changing a member', () => {
  test('a new role counts at once, for sessions and for keys, and is told', async () => {
    const owner = await signUp(auth)
    const admin = await addMember(auth, owner, 'admin')
    const key = await addKey(auth, admin)
    expect(await patch(owner, admin.userId, { role: 'user' })).toMatchObject({ status: 200, body: { role: 'user' } })
    expect((await askSession(auth, admin)).grant?.permissions).toEqual(ROLE_PERMISSIONS.user)
    expect((await askKey(auth, key.key)).grant?.permissions.toSorted()).toEqual(ROLE_PERMISSIONS.user.toSorted())
    await expect.poll(() => revoked).toEqual(expect.arrayContaining([admin.userId, key.id]))
    expect(await eventsOf(auth, owner, 'user.role_changed')).toMatchObject([
      { data: { resource_id: admin.userId, details: { from: 'admin', to: 'user' } } },
    ])
  })

  test('deactivation ends sessions for good and lets keys rest until reactivation', async () => {
    const owner = await signUp(auth)
    const member = await addMember(auth, owner, 'admin')
    const key = await addKey(auth, member)
    expect(await patch(owner, member.userId, { active: false })).toMatchObject({ status: 200, body: { active: false } })
    expect((await askSession(auth, member)).grant).toBeNull()
    expect((await askKey(auth, key.key)).refusal?.reason).toBe('creator_inactive')
    await expect.poll(() => revoked).toEqual(expect.arrayContaining([member.userId, key.id]))
    const ended = await eventsOf(auth, owner, 'auth.session.revoked')
    expect(ended).toMatchObject([{ data: { resource_id: member.caller.sessionId, reason: 'deactivated' } }])
    await patch(owner, member.userId, { active: true })
    expect((await askSession(auth, member)).refusal?.reason).toBe('revoked')
    expect((await askKey(auth, key.key)).refusal).toBeNull()
    expect(await eventsOf(auth, owner, 'user.deactivated')).toHaveLength(1)
    expect(await eventsOf(auth, owner, 'user.reactivated')).toHaveLength(1)
  })

  test('several things at once are told one by one', async () => {
    const owner = await signUp(auth)
    const { userId } = await addMember(auth, owner)
    const body = { role: 'read_only', display_name: 'Grace', active: false }
    expect((await patch(owner, userId, body)).body).toMatchObject(body)
    for (const type of ['user.updated', 'user.role_changed', 'user.deactivated'] as const) {
      expect(await eventsOf(auth, owner, type), type).toHaveLength(1)
    }
    expect(JSON.stringify(await eventsOf(auth, owner, 'user.updated'))).not.toContain('Grace')
    expect(await patch(owner, userId, { display_name: null })).toMatchObject({ body: { display_name: null } })
  })

  test('what is so already changes and tells nothing', async () => {
    const owner = await signUp(auth)
    const { userId } = await addMember(auth, owner)
    await patch(owner, userId, { display_name: 'Grace' })
    const [before, events] = [(await get(owner, userId)).body, await countEvents(auth, owner)]
    expect((await patch(owner, userId, { role: 'user', display_name: 'Grace', active: true })).body).toEqual(before)
    expect(await countEvents(auth, owner)).toBe(events)
  })

  test.each([{}, { email: 'new@example.com' }, { password: PASSWORD }, { tenant_id: randomUUID() }, { role: 'root' }])(
    '%j is refused',
    async (body) => {
      const owner = await signUp(auth)
      const { userId } = await addMember(auth, owner)
      expect((await patch(owner, userId, body)).status).toBe(400)
    },
  )
})

describe('removing a member', () => {
  test('ends sessions and keys, and frees the address', async () => {
    const owner = await signUp(auth)
    const member = await addMember(auth, owner, 'admin')
    const key = await addKey(auth, member)
    expect(await remove(owner, member.userId)).toMatchObject({ status: 204, body: null })
    expect((await get(owner, member.userId)).body.code).toBe('user_not_found')
    expect((await askSession(auth, member)).grant).toBeNull()
    expect((await askKey(auth, key.key)).refusal?.reason).toBe('revoked')
    await expect.poll(() => revoked).toEqual(expect.arrayContaining([member.userId, key.id]))
    const left = await auth.admin`select 1 from sessions where user_id = ${member.userId}`
    expect(left).toHaveLength(0)
    expect((await create(owner, { ...newcomer(), email: member.email })).status).toBe(201)
  })

  test('is told with every key that ended', async () => {
    const owner = await signUp(auth)
    const member = await addMember(auth, owner, 'admin')
    const ids = [(await addKey(auth, member)).id, (await addKey(auth, member)).id]
    await addKey(auth, owner)
    await remove(owner, member.userId)
    expect(await eventsOf(auth, owner, 'user.removed')).toMatchObject([
      { data: { resource_id: member.userId, details: { role: 'admin', api_keys_revoked: 2 } } },
    ])
    const ended = await eventsOf(auth, owner, 'api_key.revoked')
    expect(ended.map(({ data }) => data.resource_id).toSorted()).toEqual(ids.toSorted())
    expect(new Set(ended.map(({ data }) => data.reason))).toEqual(new Set(['creator_removed']))
  })

  test('happens once, also when many ask at once', async () => {
    const owner = await signUp(auth)
    const { userId } = await addMember(auth, owner)
    const answers = await Promise.all(Array.from({ length: 10 }, () => remove(owner, userId)))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([204, ...Array<number>(9).fill(404)])
    expect(await eventsOf(auth, owner, 'user.removed')).toHaveLength(1)
  })

  test('leaves no key of a member who makes one in the same moment', async () => {
    const owner = await signUp(auth)
    for (let round = 0; round < 10; round += 1) {
      const admin = await addMember(auth, owner, 'admin')
      const body = { name: 'k', scopes: ['memories:read'] }
      const makes = Array.from({ length: 4 }, () => auth.call('POST', '/v1/api-keys', body, admin.caller))
      const [, ...made] = await Promise.all([remove(owner, admin.userId), ...makes])
      for (const { status, body: key } of made) {
        if (status === 201) expect((await askKey(auth, key.key)).grant).toBeNull()
      }
    }
  })
})

describe('ending sessions of a member', () => {
  test('ends all of them, tells each, and lets the member sign in again', async () => {
    const owner = await signUp(auth)
    const member = await addMember(auth, owner)
    expect((await endSessions(owner, member.userId)).status).toBe(204)
    expect((await askSession(auth, member)).refusal?.reason).toBe('revoked')
    await expect.poll(() => revoked).toContain(member.caller.sessionId)
    expect(await eventsOf(auth, owner, 'auth.session.revoked')).toMatchObject([
      { actor: `user:${owner.userId}`, data: { reason: 'revoked_by_admin', resource_id: member.caller.sessionId } },
    ])
    expect((await endSessions(owner, member.userId)).status).toBe(204)
    expect(await eventsOf(auth, owner, 'auth.session.revoked')).toHaveLength(1)
    expect((await askSession(auth, owner)).refusal).toBeNull()
  })
})

describe('resetting the authenticator app of a member', () => {
  test('clears it with its recovery codes, ends sessions, and is told', async () => {
    const owner = await signUp(auth)
    const member = await addMember(auth, owner)
    await giveTotp(member.userId)
    expect((await get(owner, member.userId)).body).toMatchObject({ totp_enabled: true })
    expect((await resetTotp(owner, member.userId)).status).toBe(204)
    const [row] = await auth.admin`
      select totp_sealed, totp_confirmed_at, totp_last_step, recovery_code_hashes from users where id = ${member.userId}`
    expect(row).toEqual({
      totp_sealed: null,
      totp_confirmed_at: null,
      totp_last_step: null,
      recovery_code_hashes: [],
    })
    expect((await askSession(auth, member)).refusal?.reason).toBe('revoked')
    await expect.poll(() => revoked).toContain(member.caller.sessionId)
    expect(await eventsOf(auth, owner, 'auth.totp.disabled')).toMatchObject([
      { data: { resource_id: member.userId, reason: 'reset_by_admin' } },
    ])
    expect(await eventsOf(auth, owner, 'auth.session.revoked')).toMatchObject([{ data: { reason: 'totp_reset' } }])
    await mailbox.mailTo(member.email, 'authenticator app')
  })

  test('leaves no password to stand alone that is too short: a session can only set up another app or change it', async () => {
    const owner = await signUp(auth)
    const member = await addMember(auth, owner)
    await giveTotp(member.userId)
    const change = (caller: Partial<Caller>, current_password: string, new_password: string) =>
      auth.call('POST', '/v1/auth/change-password', { current_password, new_password }, caller)
    expect((await change(member.caller, PASSWORD, 'xk7#Qp2z')).status).toBe(204)
    expect((await resetTotp(owner, member.userId)).status).toBe(204)
    const body = { email: member.email, password: 'xk7#Qp2z' }
    const { access_token, required_actions } = (await auth.call('POST', '/v1/auth/login', body)).body
    expect(required_actions).toEqual(['enroll_totp'])
    const caller = { ...member.caller, sessionId: String(decodeJwt(access_token).sid), permissions: [] }
    expect((await auth.call('GET', '/v1/auth/me', undefined, caller)).body.required_actions).toEqual(['enroll_totp'])
    expect((await askSession(auth, { ...member, caller })).grant?.permissions).toEqual([])
    expect((await change(caller, 'xk7#Qp2z', `${PASSWORD} again`)).status).toBe(204)
    expect((await askSession(auth, { ...member, caller })).grant?.permissions).toEqual(ROLE_PERMISSIONS.user)
    await expect.poll(() => revoked).toContain(member.userId)
  })

  test('is refused where there is none', async () => {
    const owner = await signUp(auth)
    const member = await addMember(auth, owner)
    expect(await resetTotp(owner, member.userId)).toMatchObject({ status: 409, body: { code: 'totp_not_enrolled' } })
    expect((await askSession(auth, member)).refusal).toBeNull()
  })

  test('is no way to take away the own one without a recent sign-in', async () => {
    const owner = await signUp(auth)
    await giveTotp(owner.userId)
    expect(await resetTotp(owner, owner.userId)).toMatchObject({ status: 422, body: { code: 'rule_violated' } })
    expect((await get(owner, owner.userId)).body).toMatchObject({ totp_enabled: true })
  })
})

describe('the list of members', () => {
  const pageOf = memberRoutes.listUsers.responses[200]

  test('shows every member once, newest first', async () => {
    const owner = await signUp(auth)
    const ids = [owner.userId]
    for (let index = 0; index < 4; index += 1) ids.unshift((await addMember(auth, owner)).userId)
    const seen: string[] = []
    let cursor = ''
    for (let pages = 0; pages < 3; pages += 1) {
      const { items, next_cursor } = pageOf.parse((await list(owner, `?limit=2${cursor}`)).body)
      seen.push(...items.map(({ id }) => id))
      cursor = `&cursor=${next_cursor}`
      expect(next_cursor === null).toBe(pages === 2)
    }
    expect(seen).toEqual(ids)
  })

  test('finds a member by address, in whichever case', async () => {
    const owner = await signUp(auth)
    const member = await addMember(auth, owner)
    const found = pageOf.parse((await list(owner, `?email=${member.email.toUpperCase()}`)).body)
    expect(found.items.map(({ id }) => id as string)).toEqual([member.userId])
    expect((await list(owner, '?email=nobody@example.com')).body.items).toEqual([])
  })

  test("does not find another tenant's member by address", async () => {
    const [owner, other] = [await signUp(auth), await signUp(auth)]
    expect((await list(owner, `?email=${other.email}`)).body.items).toEqual([])
  })

  test.each(['?cursor=abc', '?limit=0', '?email=x', '?role=owner'])('%s is refused', async (query) => {
    expect((await list(await signUp(auth), query)).status).toBe(400)
  })
})

test("another tenant's member is as unknown as one that does not exist", async () => {
  const [owner, other] = [await signUp(auth), await signUp(auth)]
  const theirs = await addMember(auth, other)
  await giveTotp(theirs.userId)
  const verbs = [get, remove, endSessions, resetTotp, (by: Owner, id: string) => patch(by, id, { role: 'read_only' })]
  const before = [await get(other, theirs.userId), await countEvents(auth, other)]
  for (const verb of verbs) {
    const [foreign, missing] = [await verb(owner, theirs.userId), await verb(owner, randomUUID())]
    expect(foreign).toMatchObject({ status: 404, body: { code: 'user_not_found' } })
    expect({ ...foreign.body, request_id: '' }).toEqual({ ...missing.body, request_id: '' })
  }
  expect([(await get(other, theirs.userId)).body, await countEvents(auth, other)]).toEqual([
    (before[0] as { body: object }).body,
    before[1],
  ])
  expect((await askSession(auth, theirs)).refusal).toBeNull()
})

test('nobody in particular manages members', async () => {
  const owner = await signUp(auth)
  const nobody: Asking = { caller: {} }
  const answers = [await create(nobody, newcomer()), await list(nobody), await remove(nobody, owner.userId)]
  for (const answer of answers) expect(answer).toMatchObject({ status: 401, body: { code: 'authentication_required' } })
})
