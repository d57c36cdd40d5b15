import type { Caller } from '@memoric/contracts/caller.ts'
import { ROLE_PERMISSIONS } from '@memoric/contracts/permissions.ts'
import { parseApiKey } from '@memoric/crypto/api-key.ts'
import { expect, test } from 'vitest'
import { useRevokedIds } from './revocation-signals.ts'
import { type Owner, signUp } from './sign-up.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth({ MEMORIC_ENV: 'test' })
const revoked = useRevokedIds(auth)

const body = { name: 'Night shift', scopes: ['memories:read', 'memories:write'] }
const create = (owner: Owner, more: object = {}, caller: Partial<Caller> = {}) =>
  auth.call('POST', '/v1/api-keys', { ...body, ...more }, { ...owner.caller, ...caller })
const get = (owner: Owner, id: string) => auth.call('GET', `/v1/api-keys/${id}`, undefined, owner.caller)
const list = (owner: Owner, query = '') => auth.call('GET', `/v1/api-keys${query}`, undefined, owner.caller)
const revoke = (owner: Owner, id: string) => auth.call('DELETE', `/v1/api-keys/${id}`, undefined, owner.caller)

const days = (from: string, to: string) => (Date.parse(to) - Date.parse(from)) / 86_400_000

test('a new key is shown once, and expires in ninety days', async () => {
  const owner = await signUp(auth)
  const answer = await create(owner)
  expect(answer).toMatchObject({
    status: 201,
    body: { ...body, namespaces: null, subjects: null, created_by: owner.userId, last_used_at: null, revoked_at: null },
  })
  const { key, ...shown } = answer.body
  expect(parseApiKey(key)).toMatchObject({ env: 'test', keyId: shown.key_id })
  expect(days(shown.created_at, shown.expires_at)).toBe(90)
  expect((await get(owner, shown.id)).body).toEqual(shown)
})

test('limits and expiry are kept as asked for', async () => {
  const owner = await signUp(auth)
  const limits = { namespaces: ['support', 'sales'], subjects: ['alice'], expires_in_days: 7 }
  const answer = await create(owner, limits)
  expect(answer.body).toMatchObject({ namespaces: ['support', 'sales'], subjects: ['alice'] })
  expect(days(answer.body.created_at, answer.body.expires_at)).toBe(7)
})

test('making and revoking a key is told, without its name', async () => {
  const owner = await signUp(auth)
  const { id, key_id } = (await create(owner)).body
  await revoke(owner, id)
  const of = async (type: 'api_key.created' | 'api_key.revoked') =>
    (await auth.events(type)).filter(({ data }) => data.resource_id === id)
  const actor = `user:${owner.userId}`
  expect(await of('api_key.created')).toMatchObject([{ actor, data: { details: { key_id, scopes: body.scopes } } }])
  expect(await of('api_key.revoked')).toMatchObject([{ actor, data: { details: { key_id }, status_code: 204 } }])
  expect(JSON.stringify(await of('api_key.created'))).not.toContain(body.name)
})

test('a key cannot have scopes that its maker does not have', async () => {
  const owner = await signUp(auth)
  const caller = { permissions: ['keys:manage' as const, 'memories:read' as const] }
  expect(await create(owner, {}, caller)).toMatchObject({ status: 403, body: { code: 'scope_exceeds_creator' } })
  expect((await create(owner, { scopes: ['memories:read'] }, caller)).status).toBe(201)
})

test.each([
  ['namespaces', 'namespace_not_allowed'],
  ['subjects', 'subject_not_allowed'],
])('a key stays within the %s of its maker', async (limit, code) => {
  const owner = await signUp(auth)
  const caller = { [limit]: ['a', 'b'] }
  expect(await create(owner, { [limit]: ['a', 'c'] }, caller)).toMatchObject({ status: 403, body: { code } })
  expect(await create(owner, {}, caller)).toMatchObject({ status: 403, body: { code } })
  expect((await create(owner, { [limit]: ['b'] }, caller)).status).toBe(201)
})

test('a key that another key makes belongs to the user behind that one', async () => {
  const owner = await signUp(auth)
  const { id } = (await create(owner, { scopes: ['keys:manage', 'memories:read'] })).body
  const caller: Partial<Caller> = { principal: { type: 'api_key', id }, permissions: ['keys:manage', 'memories:read'] }
  const answer = await create(owner, { scopes: ['memories:read'] }, caller)
  expect(answer).toMatchObject({ status: 201, body: { created_by: owner.userId } })
})

test('keys need the permission to manage them', async () => {
  const owner = await signUp(auth)
  const answer = await create(owner, {}, { permissions: [...ROLE_PERMISSIONS.user] })
  expect(answer).toMatchObject({ status: 403, body: { code: 'permission_denied' } })
})

test('pages show every key once, newest first', async () => {
  const owner = await signUp(auth)
  const ids: string[] = []
  for (let index = 0; index < 5; index += 1) ids.unshift((await create(owner)).body.id)
  const seen: string[] = []
  let cursor = ''
  for (let pages = 0; pages < 3; pages += 1) {
    const { items, next_cursor } = (await list(owner, `?limit=2${cursor}`)).body
    seen.push(...items.map(({ id }) => id))
    cursor = `&cursor=${next_cursor}`
    expect(next_cursor === null).toBe(pages === 2)
  }
  expect(seen).toEqual(ids)
})

test('a list shows no key of the tenant as a whole', async () => {
  const owner = await signUp(auth)
  const { key } = (await create(owner)).body
  const text = JSON.stringify((await list(owner)).body)
  expect(text).not.toContain(parseApiKey(key)!.secret)
})

test('a cursor that this list did not give is refused', async () => {
  const owner = await signUp(auth)
  expect(await list(owner, '?cursor=abc')).toMatchObject({ status: 400, body: { code: 'invalid_cursor' } })
})

test('a revoked key is told to every gateway', async () => {
  const owner = await signUp(auth)
  const { id } = (await create(owner)).body
  expect(await revoke(owner, id)).toMatchObject({ status: 204, body: null })
  await expect.poll(() => revoked).toContain(id)
  expect((await get(owner, id)).body.revoked_at).toEqual(expect.any(String))
})

test('revoking a key again changes and tells nothing new', async () => {
  const owner = await signUp(auth)
  const { id } = (await create(owner)).body
  await revoke(owner, id)
  const before = (await get(owner, id)).body
  expect((await revoke(owner, id)).status).toBe(204)
  expect((await get(owner, id)).body).toEqual(before)
  expect((await auth.events('api_key.revoked')).filter(({ data }) => data.resource_id === id)).toHaveLength(1)
})

test('why a key was revoked is kept', async () => {
  const owner = await signUp(auth)
  const { id } = (await create(owner)).body
  await revoke(owner, id)
  expect(await auth.admin`select revoked_reason from api_keys where id = ${id}`).toEqual([
    { revoked_reason: 'revoked' },
  ])
})

test("another tenant's key is as unknown as one that does not exist", async () => {
  const [owner, other] = [await signUp(auth), await signUp(auth)]
  const { id } = (await create(other)).body
  const unknown = '0198b1de-0000-7000-8000-000000000000'
  for (const verb of [get, revoke]) {
    const [foreign, missing] = [await verb(owner, id), await verb(owner, unknown)]
    expect(foreign).toMatchObject({ status: 404, body: { code: 'api_key_not_found' } })
    expect({ ...foreign.body, request_id: '' }).toEqual({ ...missing.body, request_id: '' })
  }
  expect((await list(owner)).body.items).toEqual([])
  expect((await get(other, id)).body.revoked_at).toBeNull()
})

test('sending columns of the row is refused', async () => {
  const owner = await signUp(auth)
  for (const column of ['tenant_id', 'id', 'key_id', 'secret_hash', 'created_by', 'expires_at', 'revoked_at']) {
    expect((await create(owner, { [column]: 'x' })).status).toBe(400)
  }
})
