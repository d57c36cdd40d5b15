import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { addKey, addMember, askKey, askSession, countEvents, eventsOf } from './add-member.ts'
import { beginSession } from './begin-session.ts'
import { useRevokedIds } from './revocation-signals.ts'
import { type Owner, signUp } from './sign-up.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth()
const revoked = useRevokedIds(auth)

type Asking = Pick<Owner, 'caller'>

const reason = 'a laptop was stolen'
const contain = ({ caller }: Asking, target: object, more: object = {}) =>
  auth.call('POST', '/v1/incidents/contain', { target, reason, ...more }, caller)
const user = (id: string) => ({ type: 'user', id })
const apiKey = (id: string) => ({ type: 'api_key', id })
const tenant = { type: 'tenant' }

const refused = { status: 403, body: { code: 'owner_required' } }

describe('containing a user', () => {
  test('ends sessions and keys, deactivates, and is told', async () => {
    const owner = await signUp(auth)
    const admin = await addMember(auth, owner, 'admin')
    await beginSession(auth, admin)
    const [key, foreign] = [await addKey(auth, admin), await addKey(auth, owner)]
    expect(await contain(owner, user(admin.userId))).toMatchObject({
      status: 200,
      body: { sessions_revoked: 2, api_keys_revoked: 1 },
    })
    expect((await askSession(auth, admin)).refusal?.reason).toBe('user_inactive')
    expect((await askKey(auth, key.key)).refusal?.reason).toBe('revoked')
    expect((await askKey(auth, foreign.key)).refusal).toBeNull()
    await expect.poll(() => revoked).toEqual(expect.arrayContaining([admin.userId, key.id]))
    const details = { target_type: 'user', target_id: admin.userId, sessions_revoked: 2, api_keys_revoked: 1 }
    expect(await eventsOf(auth, owner, 'incident.contained')).toMatchObject([
      { actor: `user:${owner.userId}`, data: { reason, details } },
    ])
    expect(await eventsOf(auth, owner, 'user.deactivated')).toMatchObject([
      { data: { resource_id: admin.userId, reason: 'contained' } },
    ])
    expect(await eventsOf(auth, owner, 'auth.session.revoked')).toHaveLength(2)
    expect(await eventsOf(auth, owner, 'api_key.revoked')).toMatchObject([{ data: { reason: 'contained' } }])
  })

  test('lasts: reactivation brings back neither sessions nor keys', async () => {
    const owner = await signUp(auth)
    const admin = await addMember(auth, owner, 'admin')
    const key = await addKey(auth, admin)
    await contain(owner, user(admin.userId))
    await auth.call('PATCH', `/v1/users/${admin.userId}`, { active: true }, owner.caller)
    expect((await askSession(auth, admin)).refusal?.reason).toBe('revoked')
    expect((await askKey(auth, key.key)).refusal?.reason).toBe('revoked')
  })

  test('leaves no key behind that is made at the same moment', async () => {
    const owner = await signUp(auth)
    for (let round = 0; round < 8; round++) {
      const admin = await addMember(auth, owner, 'admin')
      const keys = Array.from({ length: 5 }, () =>
        auth.call('POST', '/v1/api-keys', { name: 'k', scopes: ['memories:read'] }, admin.caller),
      )
      const [contained, ...made] = await Promise.all([contain(owner, user(admin.userId)), ...keys])
      expect(contained.status).toBe(200)
      for (const { status } of made) expect([201, 409]).toContain(status)
      const alive = await auth.admin`select 1 from api_keys where created_by = ${admin.userId} and revoked_at is null`
      expect(alive).toHaveLength(0)
    }
  })

  test('an owner is contained by owners only, and the last active one by nobody', async () => {
    const owner = await signUp(auth)
    const [second, admin] = [await addMember(auth, owner, 'owner'), await addMember(auth, owner, 'admin')]
    const key = await addKey(auth, owner)
    const events = await countEvents(auth, owner)
    for (const by of [admin, key]) expect(await contain(by, user(second.userId))).toMatchObject(refused)
    expect(await countEvents(auth, owner)).toBe(events)
    expect((await contain(owner, user(second.userId))).status).toBe(200)
    const last = await contain(owner, user(owner.userId))
    expect(last).toMatchObject({ status: 409, body: { code: 'last_owner' } })
    expect((await askSession(auth, owner)).refusal).toBeNull()
  })

  test('an admin contains whom an admin may deactivate, also the own user', async () => {
    const owner = await signUp(auth)
    const [admin, member] = [await addMember(auth, owner, 'admin'), await addMember(auth, owner)]
    expect((await contain(admin, user(member.userId))).status).toBe(200)
    expect((await contain(admin, user(admin.userId))).body).toMatchObject({ sessions_revoked: 1 })
    expect((await askSession(auth, admin)).grant).toBeNull()
  })

  test('two owners who contain and demote each other at once: one stays', async () => {
    for (let round = 0; round < 10; round += 1) {
      const first = await signUp(auth)
      const second = await addMember(auth, first, 'owner')
      const answers = await Promise.all([
        contain(first, user(second.userId)),
        contain(second, user(first.userId)),
        auth.call('PATCH', `/v1/users/${second.userId}`, { role: 'user' }, first.caller),
        auth.call('DELETE', `/v1/users/${first.userId}`, undefined, second.caller),
      ])
      for (const { status } of answers) expect([200, 204, 401, 403, 404, 409]).toContain(status)
      const left = await auth.admin`
        select 1 from users where tenant_id = ${first.tenantId} and role = 'owner' and deactivated_at is null`
      expect(left).toHaveLength(1)
    }
  })
})

describe('containing an API key', () => {
  test('ends it and nothing else', async () => {
    const owner = await signUp(auth)
    const [key, other] = [await addKey(auth, owner), await addKey(auth, owner)]
    const answer = await contain(await addMember(auth, owner, 'admin'), apiKey(key.id))
    expect(answer).toMatchObject({ status: 200, body: { sessions_revoked: 0, api_keys_revoked: 1 } })
    expect((await askKey(auth, key.key)).refusal?.reason).toBe('revoked')
    expect((await askKey(auth, other.key)).refusal).toBeNull()
    expect((await askSession(auth, owner)).refusal).toBeNull()
    await expect.poll(() => revoked).toContain(key.id)
    expect((await contain(owner, apiKey(key.id))).body).toMatchObject({ api_keys_revoked: 0 })
  })
})

describe('containing the tenant', () => {
  test('stops everybody, whoever asks included', async () => {
    const owner = await signUp(auth)
    const member = await addMember(auth, owner)
    const key = await addKey(auth, owner)
    expect(await contain(owner, tenant)).toMatchObject({
      status: 200,
      body: { sessions_revoked: 2, api_keys_revoked: 1 },
    })
    for (const who of [owner, member]) expect((await askSession(auth, who)).refusal?.reason).toBe('tenant_suspended')
    expect((await askKey(auth, key.key)).refusal?.reason).toBe('tenant_suspended')
    await expect.poll(() => revoked).toContain(owner.tenantId)
    expect(await eventsOf(auth, owner, 'tenant.suspended')).toHaveLength(1)
    expect(await eventsOf(auth, owner, 'incident.contained')).toMatchObject([
      { data: { reason, details: { target_type: 'tenant', sessions_revoked: 2, api_keys_revoked: 1 } } },
    ])
  })

  test('is for owners, and leaves other tenants alone', async () => {
    const [owner, other] = [await signUp(auth), await signUp(auth)]
    for (const by of [await addMember(auth, owner, 'admin'), await addKey(auth, owner)]) {
      expect(await contain(by, tenant)).toMatchObject(refused)
    }
    await contain(owner, tenant)
    expect((await askSession(auth, other)).refusal).toBeNull()
    expect(await eventsOf(auth, other, 'incident.contained')).toEqual([])
  })

  test('goes together with everything else that happens at the same moment', async () => {
    for (let round = 0; round < 5; round += 1) {
      const owner = await signUp(auth)
      const second = await addMember(auth, owner, 'owner')
      const invited = await auth.call('POST', '/v1/invitations', { email: 'a@example.com', role: 'user' }, owner.caller)
      const { token } = invited.body as unknown as { token: string }
      const acts = [
        contain(owner, tenant),
        contain(second, tenant),
        auth.call('POST', '/v1/invitations/accept', { token, password: 'correct horse battery staple' }),
        auth.call('PATCH', '/v1/tenant', { settings: { rate_limit: 5 } }, owner.caller),
        auth.call('PATCH', `/v1/users/${second.userId}`, { role: 'user' }, owner.caller),
        auth.call('POST', '/v1/auth/refresh', { refresh_token: second.refreshToken }),
      ]
      for (const { status } of await Promise.all(acts)) expect(status).toBeLessThan(500)
      const live = await auth.admin`
        select 1 from sessions where tenant_id = ${owner.tenantId} and revoked_at is null`
      expect(live).toHaveLength(0)
    }
  })
})

test("another tenant's ids are as unknown as those that do not exist", async () => {
  const [owner, other] = [await signUp(auth), await signUp(auth)]
  const key = await addKey(auth, other)
  const events = await countEvents(auth, other)
  for (const [theirs, code] of [
    [user(other.userId), 'user_not_found'],
    [apiKey(key.id), 'api_key_not_found'],
  ] as const) {
    const [foreign, missing] = [await contain(owner, theirs), await contain(owner, { ...theirs, id: randomUUID() })]
    expect(foreign).toMatchObject({ status: 404, body: { code } })
    expect({ ...foreign.body, request_id: '' }).toEqual({ ...missing.body, request_id: '' })
  }
  expect((await askKey(auth, key.key)).refusal).toBeNull()
  expect(await countEvents(auth, other)).toBe(events)
})

test('containing needs the right to administer', async () => {
  const owner = await signUp(auth)
  for (const by of [await addMember(auth, owner), await addKey(auth, owner, ['users:manage'])]) {
    expect(await contain(by, user(owner.userId))).toMatchObject({ status: 403, body: { code: 'permission_denied' } })
  }
  expect((await contain({ caller: {} }, tenant)).status).toBe(401)
})

test.each([
  [{ type: 'tenant', id: randomUUID() }, {}],
  [{ type: 'user' }, {}],
  [{ type: 'everything' }, {}],
  [{ type: 'user', id: 'x' }, {}],
  [tenant, { reason: '' }],
  [tenant, { reason: '🔥'.repeat(257) }],
  [tenant, { tenant_id: randomUUID() }],
])('%j with %j is refused', async (target, more) => {
  const owner = await signUp(auth)
  expect((await contain(owner, target, more)).status).toBe(400)
  expect((await askSession(auth, owner)).refusal).toBeNull()
})

describe('containing anything', () => {
  test('makes the log tell of every read again, once, and gateways learn it', async () => {
    const owner = await signUp(auth)
    const settings = async () => (await auth.call('GET', '/v1/tenant', undefined, owner.caller)).body
    await auth.call('PATCH', '/v1/tenant', { settings: { audit_reads: 'none' } }, owner.caller)
    const [one, two] = [await addKey(auth, owner), await addKey(auth, owner)]
    const before = revoked.filter((id) => id === owner.caller.tenantId).length
    await contain(owner, apiKey(one.id))
    expect(await settings()).toMatchObject({ settings: { audit_reads: 'all' } })
    await expect.poll(() => revoked.filter((id) => id === owner.caller.tenantId).length).toBe(before + 1)
    await contain(owner, apiKey(two.id))
    const told = await eventsOf(auth, owner, 'tenant.updated')
    expect(told.at(-1)).toMatchObject({
      data: {
        reason: 'contained',
        details: { changed: ['audit_reads'], settings: { audit_reads: { from: 'none', to: 'all' } } },
      },
    })
    expect(told).toHaveLength(2)
  })

  test('that is refused changes no setting', async () => {
    const owner = await signUp(auth)
    await auth.call('PATCH', '/v1/tenant', { settings: { audit_reads: 'sampled' } }, owner.caller)
    expect(await contain(owner, apiKey(randomUUID()))).toMatchObject({ status: 404 })
    const { body } = await auth.call('GET', '/v1/tenant', undefined, owner.caller)
    expect(body).toMatchObject({ settings: { audit_reads: 'sampled' } })
  })
})
