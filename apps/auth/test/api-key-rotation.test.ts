import type { Caller } from '@memoric/contracts/caller.ts'
import type { Permission } from '@memoric/contracts/permissions.ts'
import { describe, expect, test } from 'vitest'
import { addMember, askKey, countEvents, eventsOf } from './add-member.ts'
import { useRevokedIds } from './revocation-signals.ts'
import { type Owner, signUp } from './sign-up.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth()
const revoked = useRevokedIds(auth)

type By = Pick<Owner, 'caller'>

const limits = { namespaces: ['support'], subjects: ['alice'], ip_allow: ['192.0.2.0/24'], rate_limit: 50 }
const body = { name: 'Night shift', scopes: ['memories:read', 'memories:write'], ...limits, expires_in_days: 30 }
const create = ({ caller }: By, more: object = {}) => auth.call('POST', '/v1/api-keys', { ...body, ...more }, caller)
const rotate = ({ caller }: By, id: string, more: object = {}) =>
  auth.call('POST', `/v1/api-keys/${id}/rotate`, more, caller)
const get = async ({ caller }: By, id: string) => (await auth.call('GET', `/v1/api-keys/${id}`, undefined, caller)).body
const life = ({ created_at, expires_at }: { created_at: string; expires_at: string }) =>
  (Date.parse(expires_at) - Date.parse(created_at)) / 1000
const inSeconds = (time: string) => (Date.parse(time) - Date.now()) / 1000

/** Whom the gateway would state for a key of an owner. */
function asKey(owner: Owner, id: string, permissions: Permission[], more: Partial<Caller> = {}): By {
  return { caller: { ...owner.caller, sessionId: null, principal: { type: 'api_key', id }, permissions, ...more } }
}

describe('rotating a key', () => {
  test('makes another with the same name, scopes, limits and length of life', async () => {
    const owner = await signUp(auth)
    const { key, ...old } = (await create(owner)).body
    const answer = await rotate(owner, old.id)
    expect(answer).toMatchObject({ status: 201, body: { name: body.name, scopes: body.scopes, ...limits } })
    const { key: next, ...made } = answer.body
    expect(made).toMatchObject({ created_by: owner.userId, revoked_at: null, successor_id: null, last_used_at: null })
    expect([made.id, made.key_id, next]).not.toEqual([old.id, old.key_id, key])
    expect(life(made)).toBe(30 * 86_400)
    expect(await get(owner, made.id)).toEqual(made)
    expect((await askKey(auth, next)).grant).toMatchObject({ grantId: made.id, networks: [limits.ip_allow] })
  })

  test('lets the old one work for a day unless told otherwise, and names its successor', async () => {
    const owner = await signUp(auth)
    const old = (await create(owner)).body
    const { id } = (await auth.call('POST', `/v1/api-keys/${old.id}/rotate`, undefined, owner.caller)).body
    const after = await get(owner, old.id)
    expect(after).toMatchObject({ successor_id: id, revoked_at: null })
    expect(inSeconds(after.expires_at)).toBeGreaterThan(86_400 - 60)
    expect(inSeconds(after.expires_at)).toBeLessThanOrEqual(86_400)
    expect((await askKey(auth, old.key)).grant?.expiresAt).toBe(Date.parse(after.expires_at))
  })

  test('never lets the old one live longer than it would have', async () => {
    const owner = await signUp(auth)
    const old = (await create(owner, { expires_in_days: 1 })).body
    await rotate(owner, old.id, { overlap_seconds: 604_800 })
    expect((await get(owner, old.id)).expires_at).toBe(old.expires_at)
  })

  test('ends the old one at once without an overlap', async () => {
    const owner = await signUp(auth)
    const old = (await create(owner)).body
    await rotate(owner, old.id, { overlap_seconds: 0 })
    expect((await get(owner, old.id)).revoked_at).toEqual(expect.any(String))
    expect(await askKey(auth, old.key)).toMatchObject({ grant: null, refusal: { reason: 'revoked' } })
    const [row] = await auth.admin`select revoked_reason from api_keys where id = ${old.id}`
    expect(row).toEqual({ revoked_reason: 'rotated' })
  })

  test.each([{}, { overlap_seconds: 0 }])('tells every gateway that the old one ends sooner: %j', async (more) => {
    const owner = await signUp(auth)
    const { id } = (await create(owner)).body
    await rotate(owner, id, more)
    await expect.poll(() => revoked).toContain(id)
  })

  test('is told, with both keys and without a secret, a name or an address', async () => {
    const owner = await signUp(auth)
    const old = (await create(owner)).body
    const made = (await rotate(owner, old.id, { overlap_seconds: 60 })).body
    const actor = `user:${owner.userId}`
    const rotated = await eventsOf(auth, owner, 'api_key.rotated')
    const details = { key_id: old.key_id, successor_id: made.id, successor_key_id: made.key_id, overlap_seconds: 60 }
    expect(rotated).toMatchObject([{ actor, data: { resource_id: old.id, status_code: 201, details } }])
    const created = (await eventsOf(auth, owner, 'api_key.created')).filter(({ data }) => data.resource_id === made.id)
    expect(created).toMatchObject([{ actor, data: { details: { rotated_from: old.id } } }])
    for (const secret of [old.key, made.key, body.name, '192.0.2']) {
      expect(JSON.stringify([rotated, created])).not.toContain(secret)
    }
  })

  test.each([-1, 604_801, 1.5, '60', null])('refuses an overlap of %j', async (overlap_seconds) => {
    const owner = await signUp(auth)
    const { id } = (await create(owner)).body
    expect((await rotate(owner, id, { overlap_seconds })).status).toBe(400)
    expect((await get(owner, id)).successor_id).toBeNull()
  })
})

describe('a key that has ended is not rotated:', () => {
  const expectEnded = async (owner: Owner, id: string) => {
    const events = await countEvents(auth, owner)
    expect(await rotate(owner, id)).toMatchObject({ status: 409, body: { code: 'api_key_ended' } })
    expect(await countEvents(auth, owner)).toBe(events)
  }

  test('revoked', async () => {
    const owner = await signUp(auth)
    const { id } = (await create(owner)).body
    await auth.call('DELETE', `/v1/api-keys/${id}`, undefined, owner.caller)
    await expectEnded(owner, id)
  })

  test('expired', async () => {
    const owner = await signUp(auth)
    const { id } = (await create(owner)).body
    await auth.admin`update api_keys set expires_at = now() where id = ${id}`
    await expectEnded(owner, id)
  })

  test('rotated already', async () => {
    const owner = await signUp(auth)
    const { id } = (await create(owner)).body
    const next = (await rotate(owner, id)).body
    await expectEnded(owner, id)
    expect((await rotate(owner, next.id)).status).toBe(201)
  })

  test('of twenty who rotate it at once, one wins', async () => {
    const owner = await signUp(auth)
    const { id } = (await create(owner)).body
    const answers = await Promise.all(Array.from({ length: 20 }, () => rotate(owner, id)))
    const won = answers.filter(({ status }) => status === 201)
    expect(won).toHaveLength(1)
    expect(answers.filter(({ body: { code } }) => code === 'api_key_ended')).toHaveLength(19)
    expect((await get(owner, id)).successor_id).toBe(won[0]!.body.id)
    expect(await eventsOf(auth, owner, 'api_key.rotated')).toHaveLength(1)
    const rows = await auth.admin`select id from api_keys where tenant_id = ${owner.tenantId}`
    expect(rows).toHaveLength(2)
  })
})

describe('who rotates a key', () => {
  test('stands behind the new one', async () => {
    const owner = await signUp(auth)
    const admin = await addMember(auth, owner, 'admin')
    const { id, key } = (await create(admin)).body
    await auth.call('PATCH', `/v1/users/${admin.userId}`, { active: false }, owner.caller)
    expect((await askKey(auth, key)).refusal?.reason).toBe('creator_inactive')
    const made = (await rotate(owner, id)).body
    expect(made.created_by).toBe(owner.userId)
    expect((await askKey(auth, made.key)).grant?.permissions).toEqual(body.scopes)
  })

  test.each([
    ['scopes', { permissions: ['keys:manage', 'memories:read'] as Permission[] }, 'scope_exceeds_creator'],
    ['namespaces', { namespaces: ['sales'] }, 'namespace_not_allowed'],
    ['subjects', { subjects: ['bob'] }, 'subject_not_allowed'],
  ])('does so within the own %s', async (_what, own, code) => {
    const owner = await signUp(auth)
    const { id } = (await create(owner)).body
    const by = { caller: { ...owner.caller, ...own } }
    expect(await rotate(by, id)).toMatchObject({ status: 403, body: { code } })
    expect((await get(owner, id)).successor_id).toBeNull()
  })

  test('does so within the addresses and the rate of the own key', async () => {
    const owner = await signUp(auth)
    const { id } = (await create(owner)).body
    const own = (more: object) => create(owner, { namespaces: undefined, subjects: undefined, ...more })
    const scopes = ['keys:manage', 'memories:read', 'memories:write'] as Permission[]
    const elsewhere = (await own({ scopes, ip_allow: ['198.51.100.0/24'] })).body
    expect(await rotate(asKey(owner, elsewhere.id, scopes), id)).toMatchObject({
      status: 403,
      body: { code: 'address_not_allowed' },
    })
    const slower = (await own({ scopes, rate_limit: 49 })).body
    expect(await rotate(asKey(owner, slower.id, scopes), id)).toMatchObject({
      status: 422,
      body: { code: 'rule_violated' },
    })
    const same = (await own({ scopes })).body
    expect((await rotate(asKey(owner, same.id, scopes), id)).status).toBe(201)
  })

  test('as a key makes none that outlives it, also of itself', async () => {
    const owner = await signUp(auth)
    const scopes = ['keys:manage', 'memories:read', 'memories:write'] as Permission[]
    const maker = (
      await create(owner, { ...{ namespaces: undefined, subjects: undefined }, scopes, expires_in_days: 3 })
    ).body
    const by = asKey(owner, maker.id, scopes)
    const { id } = (await create(owner)).body
    expect((await rotate(by, id)).body.expires_at).toBe(maker.expires_at)
    const itself = (await rotate(by, maker.id)).body
    expect(itself).toMatchObject({ expires_at: maker.expires_at, created_by: owner.userId })
  })

  test('and is removed at the same moment leaves no key that works', async () => {
    for (let round = 0; round < 5; round++) {
      const owner = await signUp(auth)
      const admin = await addMember(auth, owner, 'admin')
      const { id, key } = (await create(admin)).body
      const [rotated, made, removed] = await Promise.all([
        rotate(admin, id),
        create(admin),
        auth.call('DELETE', `/v1/users/${admin.userId}`, undefined, owner.caller),
      ])
      expect(removed.status).toBe(204)
      expect([201, 403, 409]).toContain(rotated.status)
      expect([201, 403]).toContain(made.status)
      const texts = [rotated, made].filter(({ status }) => status === 201).map(({ body }) => body.key)
      for (const text of [key, ...texts]) expect((await askKey(auth, text)).grant).toBeNull()
    }
  })

  test('gets no longer life than the tenant allows by now', async () => {
    const owner = await signUp(auth)
    const { id } = (await create(owner)).body
    await auth.call('PATCH', '/v1/tenant', { settings: { api_key_max_days: 7 } }, owner.caller)
    expect(life((await rotate(owner, id)).body)).toBe(7 * 86_400)
  })

  test('manages keys, of the own tenant', async () => {
    const [owner, other] = [await signUp(auth), await signUp(auth)]
    const { id } = (await create(other)).body
    const missing = await rotate(owner, '0198b1de-0000-7000-8000-000000000000')
    const foreign = await rotate(owner, id)
    expect(foreign).toMatchObject({ status: 404, body: { code: 'api_key_not_found' } })
    expect({ ...foreign.body, request_id: '' }).toEqual({ ...missing.body, request_id: '' })
    expect((await get(other, id)).successor_id).toBeNull()
    expect(await rotate(await addMember(auth, other), id)).toMatchObject({ status: 403 })
    expect((await rotate({ caller: {} }, id)).status).toBe(401)
  })
})
