import type { Caller } from '@memoric/contracts/caller.ts'
import type { Permission } from '@memoric/contracts/permissions.ts'
import { describe, expect, test } from 'vitest'
import { addMember, askKey } from './add-member.ts'
import { type Owner, signUp } from './sign-up.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth({ API_KEY_DEFAULT_DAYS: '60', API_KEY_MAX_DAYS: '200' })

type By = Pick<Owner, 'caller'>

const base = { name: 'k', scopes: ['memories:read'] }
const create = ({ caller }: By, more: object = {}) => auth.call('POST', '/v1/api-keys', { ...base, ...more }, caller)
const get = ({ caller }: By, id: string) => auth.call('GET', `/v1/api-keys/${id}`, undefined, caller)
const choose = ({ caller }: By, settings: object) => auth.call('PATCH', '/v1/tenant', { settings }, caller)
const days = ({ created_at, expires_at }: { created_at: string; expires_at: string }) =>
  (Date.parse(expires_at) - Date.parse(created_at)) / 86_400_000

/** A key that manages keys, and whom the gateway would state for it. */
async function keyMaker(owner: Owner, limits: object = {}, scopes: Permission[] = ['keys:manage', 'memories:read']) {
  const { id, key, expires_at } = (await create(owner, { scopes, ...limits })).body
  const caller: Partial<Caller> = {
    ...owner.caller,
    sessionId: null,
    principal: { type: 'api_key', id },
    permissions: scopes,
  }
  return { id: id as string, key, expires_at, caller }
}

describe('the addresses of a key', () => {
  const ip_allow = ['192.0.2.0/24', '2001:db8::/32']

  test('are shown to those who manage keys, told to gateways, sealed in the database and kept out of the log', async () => {
    const owner = await signUp(auth)
    const made = await create(owner, { ip_allow })
    expect(made).toMatchObject({ status: 201, body: { ip_allow } })
    expect((await get(owner, made.body.id)).body.ip_allow).toEqual(ip_allow)
    expect((await askKey(auth, made.body.key)).grant?.networks).toEqual([ip_allow])
    const [row] = await auth.admin`select * from api_keys where id = ${made.body.id}`
    expect(Buffer.from(row!.ip_allow_sealed as Uint8Array).toString('latin1')).not.toContain('192.0.2')
    const event = (await auth.events('api_key.created')).find(({ data }) => data.resource_id === made.body.id)
    expect(event?.data.details).toMatchObject({ has_ip_allow: true })
    expect(JSON.stringify(event?.data.details)).not.toContain('192.0.2')
  })

  test('stand beside those of the tenant', async () => {
    const owner = await signUp(auth)
    const { key } = (await create(owner, { ip_allow })).body
    await choose(owner, { ip_allow: ['192.0.2.1'] })
    expect((await askKey(auth, key)).grant?.networks).toEqual([['192.0.2.1'], ip_allow])
  })

  test.each([
    [[]],
    [['localhost']],
    [['192.0.2.0/33']],
    [['192.0.2.0/-1']],
    [['192.0.2']],
    [['fe80::1%eth0']],
    [['*']],
    [[1]],
    ['192.0.2.1'],
    [Array.from({ length: 101 }, (_, i) => `192.0.2.${i}`)],
  ])('are addresses and networks: %j is none', async (wrong) => {
    expect(await create(await signUp(auth), { ip_allow: wrong })).toMatchObject({
      status: 400,
      body: { code: 'validation_failed' },
    })
  })
})

describe('the rate limit of a key', () => {
  test('is shown, and told to gateways', async () => {
    const owner = await signUp(auth)
    const { key, rate_limit } = (await create(owner, { rate_limit: 5 })).body
    expect(rate_limit).toBe(5)
    expect((await askKey(auth, key)).grant).toMatchObject({ rateLimit: 5, tenantRateLimit: null })
    await choose(owner, { rate_limit: 70 })
    expect((await askKey(auth, key)).grant).toMatchObject({ rateLimit: 5, tenantRateLimit: 70 })
  })

  test.each([0, -1, 1.5, 1_000_001, '5', null])(
    'is a whole number from 1 to a million: %j is not',
    async (rate_limit) => {
      expect((await create(await signUp(auth), { rate_limit })).status).toBe(400)
    },
  )
})

describe('the life of a key', () => {
  test('is what the installation says when nobody says otherwise', async () => {
    expect(days((await create(await signUp(auth))).body)).toBe(60)
  })

  test('is what the tenant has chosen', async () => {
    const owner = await signUp(auth)
    await choose(owner, { api_key_default_days: 3 })
    expect(days((await create(owner)).body)).toBe(3)
    expect(days((await create(owner, { expires_in_days: 200 })).body)).toBe(200)
  })

  test('has a most in the installation, and a refusal names it', async () => {
    const owner = await signUp(auth)
    expect(await create(owner, { expires_in_days: 201 })).toMatchObject({
      status: 422,
      body: { code: 'rule_violated', detail: 'expires_in_days can be 200 at most' },
    })
    expect((await create(owner, { expires_in_days: 200 })).status).toBe(201)
  })

  test('has a most in the tenant, beyond which no default goes', async () => {
    const owner = await signUp(auth)
    await choose(owner, { api_key_max_days: 10 })
    expect((await create(owner, { expires_in_days: 11 })).body.detail).toBe('expires_in_days can be 10 at most')
    expect(days((await create(owner)).body)).toBe(10)
  })

  test('is no longer than the installation allows, whatever the tenant chose before', async () => {
    const owner = await signUp(auth)
    const settings = { api_key_max_days: 3650, api_key_default_days: 3650 }
    await auth.admin`update tenants set settings = ${auth.admin.json(settings)} where id = ${owner.tenantId}`
    expect(days((await create(owner)).body)).toBe(200)
    expect((await create(owner, { expires_in_days: 201 })).status).toBe(422)
  })
})

describe('a key that another key makes', () => {
  test('is used only from where that one is', async () => {
    const maker = await keyMaker(await signUp(auth), { ip_allow: ['192.0.2.0/24', '2001:db8::/32'] })
    for (const ip_allow of [undefined, ['0.0.0.0/0'], ['192.0.2.0/23'], ['192.0.2.1', '198.51.100.1'], ['::/0']]) {
      expect(await create(maker, { ip_allow })).toMatchObject({ status: 403, body: { code: 'address_not_allowed' } })
    }
    expect((await create(maker, { ip_allow: ['192.0.2.128/25', '2001:db8:1::1'] })).status).toBe(201)
  })

  test('sends no more requests than that one', async () => {
    const maker = await keyMaker(await signUp(auth), { rate_limit: 10 })
    expect(await create(maker, { rate_limit: 11 })).toMatchObject({ status: 422, body: { code: 'rule_violated' } })
    expect((await create(maker, { rate_limit: 9 })).body.rate_limit).toBe(9)
    expect((await create(maker)).body.rate_limit).toBe(10)
  })

  test('does not outlive that one', async () => {
    const maker = await keyMaker(await signUp(auth), { expires_in_days: 5 })
    expect((await create(maker)).body.expires_at).toBe(maker.expires_at)
    expect(await create(maker, { expires_in_days: 6 })).toMatchObject({
      status: 422,
      body: { code: 'rule_violated', detail: expect.stringContaining(maker.expires_at) },
    })
    expect(days((await create(maker, { expires_in_days: 4 })).body)).toBe(4)
  })

  test('has no more rights than that one, of which admin:* is one and not all', async () => {
    const maker = await keyMaker(await signUp(auth), {}, ['keys:manage', 'admin:*'])
    expect(await create(maker, { scopes: ['memories:read'] })).toMatchObject({
      status: 403,
      body: { code: 'scope_exceeds_creator' },
    })
    expect((await create(maker, { scopes: ['admin:*'] })).status).toBe(201)
  })

  test('passes the limits on to those that it makes', async () => {
    const owner = await signUp(auth)
    const first = await keyMaker(owner, { ip_allow: ['192.0.2.0/24'], rate_limit: 10, expires_in_days: 5 })
    const made = (await create(first, { scopes: ['keys:manage'], ip_allow: ['192.0.2.0/25'] })).body
    const second = { caller: { ...first.caller, principal: { type: 'api_key' as const, id: made.id as string } } }
    expect((await create(second, { scopes: ['keys:manage'], ip_allow: ['192.0.2.0/24'] })).status).toBe(403)
    const last = (await create(second, { scopes: ['keys:manage'], ip_allow: ['192.0.2.1'] })).body
    expect(last).toMatchObject({ rate_limit: 10, expires_at: first.expires_at })
  })
})

describe('a key and the user behind it', () => {
  const effective = async (key: string) => (await askKey(auth, key)).grant?.permissions

  test('admin:* opens what needs admin:*, and nothing else', async () => {
    const owner = await signUp(auth)
    const { key } = (await create(owner, { scopes: ['admin:*'] })).body
    expect(await effective(key)).toEqual(['admin:*'])
    const caller: Partial<Caller> = { ...owner.caller, permissions: ['admin:*'] }
    expect((await auth.call('GET', '/v1/tenant', undefined, caller)).status).toBe(200)
    for (const path of ['/v1/api-keys', '/v1/users']) {
      expect(await auth.call('GET', path, undefined, caller)).toMatchObject({
        status: 403,
        body: { code: 'permission_denied' },
      })
    }
  })

  test('the key loses what the user loses, and gets it back with the user', async () => {
    const owner = await signUp(auth)
    const admin = await addMember(auth, owner, 'admin')
    const { key } = (await create(admin, { scopes: ['memories:read', 'users:manage', 'admin:*'] })).body
    const setRole = (role: string) => auth.call('PATCH', `/v1/users/${admin.userId}`, { role }, owner.caller)
    await setRole('read_only')
    expect(await effective(key)).toEqual(['memories:read'])
    await setRole('admin')
    expect(await effective(key)).toEqual(['memories:read', 'users:manage', 'admin:*'])
  })

  test('a key whose user is gone stands for nobody', async () => {
    const owner = await signUp(auth)
    const { id, key } = (await create(owner)).body
    await auth.admin`update api_keys set created_by = null where id = ${id}`
    expect(await askKey(auth, key)).toMatchObject({ grant: null, refusal: { reason: 'creator_inactive' } })
  })

  test('a key that is made while its maker is removed is not made', async () => {
    const owner = await signUp(auth)
    const admin = await addMember(auth, owner, 'admin')
    await auth.admin`delete from users where id = ${admin.userId}`
    expect(await create(admin)).toMatchObject({ status: 403, body: { code: 'permission_denied' } })
    const rows = await auth.admin`select id from api_keys where tenant_id = ${owner.tenantId}`
    expect(rows).toEqual([])
  })
})
