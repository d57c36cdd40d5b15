import { randomUUID } from 'node:crypto'
import type { Caller } from '@memoric/contracts/caller.ts'
import { DEFAULT_TENANT_SETTINGS, type TenantSettings, tenantWithSettings } from '@memoric/contracts/tenant-contract.ts'
import { describe, expect, test } from 'vitest'
import { addKey, addMember, askKey, askSession, countEvents, eventsOf } from './add-member.ts'
import { useRevokedIds } from './revocation-signals.ts'
import { type Owner, signUp } from './sign-up.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth()
const revoked = useRevokedIds(auth)

type Asking = Pick<Owner, 'caller'>

const get = ({ caller }: Asking) => auth.call('GET', '/v1/tenant', undefined, caller)
const patch = ({ caller }: Asking, body: object) => auth.call('PATCH', '/v1/tenant', body, caller)
const choose = (by: Asking, settings: object) => patch(by, { settings })
const settingsOf = async (by: Asking) => tenantWithSettings.parse((await get(by)).body).settings

const from = ({ caller }: Asking, clientAddress: string): Asking => ({ caller: { ...caller, clientAddress } })

const everything: TenantSettings = {
  password_min_length: 20,
  session_lifetime_days: 7,
  session_idle_minutes: 60,
  sessions_per_user: 3,
  totp_required: true,
  sso_required: false,
  ip_allow: ['192.0.2.0/24', '2001:db8::/32'],
  api_key_default_days: 10,
  api_key_max_days: 30,
  rate_limit: 500,
  consent_required: true,
  audit_reads: 'sampled',
}

describe('reading the tenant', () => {
  test('shows the name and what it has chosen, which is nothing at first', async () => {
    const owner = await signUp(auth)
    const answer = await get(owner)
    expect(answer).toMatchObject({ status: 200, body: { id: owner.tenantId, name: 'Acme' } })
    expect(tenantWithSettings.parse(answer.body).settings).toEqual(DEFAULT_TENANT_SETTINGS)
  })

  test('is for administrators, and of the own tenant only', async () => {
    const [owner, other] = [await signUp(auth), await signUp(auth)]
    await patch(other, { name: 'Theirs' })
    expect((await get(await addMember(auth, owner, 'admin'))).body).toMatchObject({ name: 'Acme' })
    expect((await get(await addKey(auth, owner))).status).toBe(200)
    for (const by of [await addMember(auth, owner), await addKey(auth, owner, ['users:manage'])]) {
      expect(await get(by)).toMatchObject({ status: 403, body: { code: 'permission_denied' } })
      expect(await patch(by, { name: 'Mine' })).toMatchObject({ status: 403, body: { code: 'permission_denied' } })
    }
    expect((await get({ caller: {} })).status).toBe(401)
  })
})

describe('changing the tenant', () => {
  test('keeps what was chosen, and null goes back to the rule of the installation', async () => {
    const owner = await signUp(auth)
    expect(await choose(owner, everything)).toMatchObject({ status: 200, body: { settings: everything } })
    expect(await settingsOf(owner)).toEqual(everything)
    await choose(owner, { rate_limit: null, ip_allow: null })
    expect(await settingsOf(owner)).toEqual({ ...everything, rate_limit: null, ip_allow: null })
    await choose(owner, DEFAULT_TENANT_SETTINGS)
    expect(await settingsOf(owner)).toEqual(DEFAULT_TENANT_SETTINGS)
  })

  test('changes only what is given', async () => {
    const owner = await signUp(auth)
    await choose(owner, everything)
    await patch(owner, { name: 'Example' })
    await choose(owner, { rate_limit: 100 })
    expect((await get(owner)).body).toMatchObject({ name: 'Example', settings: { ...everything, rate_limit: 100 } })
  })

  test('is told with the values before and after, but without networks and names', async () => {
    const owner = await signUp(auth)
    await choose(owner, { rate_limit: 100, ip_allow: ['192.0.2.0/24'] })
    await patch(owner, { name: 'Example', settings: { rate_limit: 200, ip_allow: ['192.0.2.1', '198.51.100.0/24'] } })
    const [first, second] = await eventsOf(auth, owner, 'tenant.updated')
    expect(first?.data.details).toEqual({
      changed: ['ip_allow', 'rate_limit'],
      settings: { ip_allow: { from: null, to: 1 }, rate_limit: { from: null, to: 100 } },
    })
    expect(second).toMatchObject({
      actor: `user:${owner.userId}`,
      data: {
        resource_id: owner.tenantId,
        details: {
          changed: ['name', 'ip_allow', 'rate_limit'],
          loosened: ['ip_allow', 'rate_limit'],
          settings: { rate_limit: { from: 100, to: 200 }, ip_allow: { from: 1, to: 2 } },
        },
      },
    })
    expect(JSON.stringify([first, second])).not.toMatch(/192\.0\.2\.0|198\.51|Example|Acme/)
  })

  test('is told with what it loosens', async () => {
    const owner = await signUp(auth)
    const strict = { session_idle_minutes: 5, password_min_length: 20, ip_allow: ['192.0.2.0/24', '::1'] }
    await choose(owner, strict)
    await choose(owner, { session_idle_minutes: 6, password_min_length: 21, ip_allow: ['192.0.2.0/24'] })
    await choose(owner, { session_idle_minutes: null, password_min_length: 20, ip_allow: null, audit_reads: 'sampled' })
    await choose(owner, { session_idle_minutes: 5, audit_reads: 'all', ip_allow: ['192.0.2.0/24'] })
    const told = await eventsOf(auth, owner, 'tenant.updated')
    expect(told.map(({ data }) => data.details['loosened'])).toEqual([
      undefined,
      ['session_idle_minutes'],
      ['password_min_length', 'session_idle_minutes', 'ip_allow', 'audit_reads'],
      undefined,
    ])
  })

  test('reaches every gateway at once', async () => {
    const owner = await signUp(auth)
    await choose(owner, { rate_limit: 100, ip_allow: ['192.0.2.0/24'] })
    await expect.poll(() => revoked).toContain(owner.tenantId)
    expect((await askSession(auth, owner)).grant).toMatchObject({ tenantRateLimit: 100, networks: [['192.0.2.0/24']] })
  })

  test('what other services heed travels with the grant of every session and key, where it is not the default', async () => {
    const owner = await signUp(auth)
    const { key } = await addKey(auth, owner)
    const grants = async () => [(await askSession(auth, owner)).grant, (await askKey(auth, key)).grant]
    expect((await grants()).map((grant) => grant?.settings)).toEqual([undefined, undefined])
    await choose(owner, { consent_required: true, audit_reads: 'sampled' })
    const settings = { consent_required: true, audit_reads: 'sampled' }
    expect((await grants()).map((grant) => grant?.settings)).toEqual([settings, settings])
    await choose(owner, { consent_required: false, audit_reads: 'all' })
    expect((await grants()).map((grant) => grant?.settings)).toEqual([undefined, undefined])
  })

  test('what is so already changes and tells nothing', async () => {
    const owner = await signUp(auth)
    await choose(owner, everything)
    const events = await countEvents(auth, owner)
    for (const body of [{}, { settings: {} }, { name: 'Acme', settings: everything }]) {
      expect(await patch(owner, body)).toMatchObject({ status: 200, body: { name: 'Acme', settings: everything } })
    }
    expect(await countEvents(auth, owner)).toBe(events)
  })

  test('of two who change different settings at once, neither loses', async () => {
    const owner = await signUp(auth)
    for (let round = 1; round <= 10; round += 1) {
      const chosen = { rate_limit: round, session_lifetime_days: round, sessions_per_user: round }
      await Promise.all(Object.entries(chosen).map(([key, value]) => choose(owner, { [key]: value })))
      expect(await settingsOf(owner)).toMatchObject(chosen)
    }
  })

  test('name and networks are not readable in the database', async () => {
    const owner = await signUp(auth)
    await patch(owner, { name: 'Zanzibar', settings: { ip_allow: ['192.0.2.0/24'] } })
    const [row] = await auth.admin`select tenants::text as text from tenants where id = ${owner.tenantId}`
    const bytes = Buffer.from(String(row?.['text']).replaceAll(/[^0-9a-f]/g, ''), 'hex').toString()
    expect(`${String(row?.['text'])}${bytes}`).not.toMatch(/Zanzibar|192\.0\.2/)
  })

  test.each([
    { id: randomUUID() },
    { suspended_at: null },
    { settings: { suspended_at: null } },
    { settings: { ip_allow_sealed: 'x' } },
    { settings: { password_min_length: 14 } },
    { settings: { rate_limit: 0 } },
    { settings: { ip_allow: [] } },
    { settings: { ip_allow: ['192.0.2.0/33'] } },
    { settings: { ip_allow: ['example.com'] } },
    { settings: { totp_required: null } },
    { name: '  ' },
    { name: null },
  ])('%j is refused', async (body) => {
    const owner = await signUp(auth)
    const before = (await get(owner)).body
    expect((await patch(owner, body)).status).toBe(400)
    expect((await get(owner)).body).toEqual(before)
  })
})

describe('rules of settings', () => {
  const broken = (pointer: string) => ({ status: 422, body: { code: 'rule_violated', errors: [{ pointer }] } })

  test('nobody shuts out the own address', async () => {
    const owner = await signUp(auth)
    expect(await choose(owner, { ip_allow: ['198.51.100.0/24'] })).toMatchObject(broken('/settings/ip_allow'))
    expect((await settingsOf(owner)).ip_allow).toBeNull()
    expect((await choose(from(owner, '198.51.100.9'), { ip_allow: ['198.51.100.0/24'] })).status).toBe(200)
    const moved = await choose(from(owner, '2001:db8::1'), { ip_allow: ['198.51.100.0/24'] })
    expect(moved).toMatchObject(broken('/settings/ip_allow'))
    expect((await choose(from(owner, '2001:db8::1'), { ip_allow: ['2001:db8::/32'] })).status).toBe(200)
    expect((await choose(from(owner, ''), { ip_allow: ['0.0.0.0/0', '::/0'] })).status).toBe(422)
  })

  test('keys do not live longer by default than at most', async () => {
    const owner = await signUp(auth)
    const both = { api_key_default_days: 31, api_key_max_days: 30 }
    expect(await choose(owner, both)).toMatchObject(broken('/settings/api_key_default_days'))
    await choose(owner, { api_key_max_days: 30 })
    expect(await choose(owner, { api_key_default_days: 31 })).toMatchObject(broken('/settings/api_key_default_days'))
    expect((await choose(owner, { api_key_default_days: 30 })).status).toBe(200)
    expect(await choose(owner, { api_key_max_days: 29 })).toMatchObject(broken('/settings/api_key_default_days'))
    expect((await choose(owner, { api_key_max_days: null, api_key_default_days: 100 })).status).toBe(200)
  })

  test('a provider is needed before members must use one', async () => {
    const owner = await signUp(auth)
    const events = await countEvents(auth, owner)
    expect(await choose(owner, { sso_required: true })).toMatchObject(broken('/settings/sso_required'))
    expect(await countEvents(auth, owner)).toBe(events)
    await auth.admin`insert into sso_providers (tenant_id, id, settings_sealed) values (${owner.tenantId}, ${randomUUID()}, '')`
    expect((await choose(owner, { sso_required: true })).status).toBe(200)
    const other = await signUp(auth)
    expect(await choose(other, { sso_required: true })).toMatchObject(broken('/settings/sso_required'))
  })

  test('whoever asks everybody for an authenticator app has to get one too', async () => {
    const owner = await signUp(auth)
    expect((await choose(owner, { totp_required: true })).status).toBe(200)
    expect((await askSession(auth, owner)).grant?.permissions).toEqual([])
    const me = await auth.call('GET', '/v1/auth/me', undefined, owner.caller)
    expect(me.body).toMatchObject({ required_actions: ['enroll_totp'] })
  })

  test('more than the installation allows is accepted, and the stricter counts', async () => {
    const owner = await signUp(auth)
    await choose(owner, { session_lifetime_days: 365, sessions_per_user: 100, api_key_max_days: 3650 })
    const caller: Partial<Caller> = owner.caller
    const { expiresAt = 0 } = (await askSession(auth, { caller, userId: owner.userId })).grant ?? {}
    expect(expiresAt).toBeLessThan(Date.now() + 31 * 86_400_000)
  })
})
