import { tenantId as tenantIdOf, userId as userIdOf } from '@memoric/contracts/ids.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { describe, expect, test } from 'vitest'
import { internalContext } from '../src/internal-context.ts'
import { tenantScope } from '../src/tenant-scope.ts'
import { containApiKey, containTenant, containUser, type Contained } from '../src/tenants/containment.ts'
import { beginSession } from './begin-session.ts'
import { type Owner, signUp } from './sign-up.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth()
const context = internalContext('operator:a-test')

type Contain = (owner: Owner) => Promise<Contained>

const request = ({ tenantId, userId }: Owner) => ({
  tenantId: tenantIdOf.parse(tenantId),
  userId: userIdOf.parse(userId),
  statusCode: null,
})

const within = <T>({ tenantId }: Owner, work: (tx: Parameters<typeof containUser>[0]) => Promise<T>) =>
  tenantTransaction(auth.deps.sql, tenantScope(tenantId), work)

const tenant: Contain = (owner) => within(owner, (tx) => containTenant(tx, auth.deps, request(owner), context))
const user: Contain = (owner) => within(owner, (tx) => containUser(tx, auth.deps, request(owner), context))

async function createKey({ caller }: Owner): Promise<string> {
  return (await auth.call('POST', '/v1/api-keys', { name: 'k', scopes: ['memories:read'] }, caller)).body.id
}

const liveSessions = ({ userId }: Owner) =>
  auth.admin`select 1 from sessions where user_id = ${userId} and revoked_at is null`
const liveKeys = ({ tenantId }: Owner) =>
  auth.admin`select 1 from api_keys where tenant_id = ${tenantId} and revoked_at is null`

describe.each([
  ['a tenant', tenant],
  ['a user', user],
])('containing %s', (_what, contain) => {
  test('leaves no session, however many sign in and refresh meanwhile', async () => {
    const owner = await signUp(auth)
    const refreshed = auth.call('POST', '/v1/auth/refresh', { refresh_token: owner.refreshToken })
    const begun = Array.from({ length: 12 }, () => beginSession(auth, owner).catch((error: unknown) => error))
    const contained = contain(owner)
    const after = Array.from({ length: 12 }, () => beginSession(auth, owner).catch((error: unknown) => error))
    await Promise.all([refreshed, contained, ...begun, ...after])
    expect(await liveSessions(owner)).toHaveLength(0)
  })

  test('twice at once, or again, ends nothing twice', async () => {
    const owner = await signUp(auth)
    await createKey(owner)
    const counts = await Promise.all([contain(owner), contain(owner)])
    const sum = (what: 'sessions' | 'apiKeys') => counts.reduce((total, one) => total + one[what].length, 0)
    expect([sum('sessions'), sum('apiKeys')]).toEqual([1, 1])
    expect(await contain(owner)).toMatchObject({ sessions: [], apiKeys: [] })
  })

  test('that fails in the middle changes and tells nothing', async () => {
    const owner = await signUp(auth)
    await createKey(owner)
    const failing = within(owner, async (tx) => {
      await (contain === tenant ? containTenant : containUser)(tx, auth.deps, request(owner), context)
      await tx`select 1 / 0`
    })
    await expect(failing).rejects.toThrow()
    expect([await liveSessions(owner), await liveKeys(owner)].map(({ length }) => length)).toEqual([1, 1])
    const told = (await auth.events('incident.contained')).filter(({ tenantid }) => tenantid === owner.tenantId)
    expect(told).toEqual([])
  })

  test('never reaches another tenant', async () => {
    const [owner, other] = [await signUp(auth), await signUp(auth)]
    await createKey(other)
    await contain(owner)
    expect([await liveSessions(other), await liveKeys(other)].map(({ length }) => length)).toEqual([1, 1])
    expect((await auth.call('POST', '/v1/auth/refresh', { refresh_token: other.refreshToken })).status).toBe(200)
  })
})

describe('containing an API key', () => {
  const key = (owner: Owner, id: string) =>
    within(owner, (tx) => containApiKey(tx, auth.deps, { ...request(owner), apiKeyId: id }, context))

  test('revokes it and nothing else', async () => {
    const owner = await signUp(auth)
    const [id] = [await createKey(owner), await createKey(owner)]
    expect(await key(owner, id)).toEqual({ sessions: [], apiKeys: [id], announce: [id] })
    expect([await liveSessions(owner), await liveKeys(owner)].map(({ length }) => length)).toEqual([1, 1])
  })

  test('that has ended ends nothing, and tells gateways all the same', async () => {
    const owner = await signUp(auth)
    const id = await createKey(owner)
    await key(owner, id)
    expect(await key(owner, id)).toEqual({ sessions: [], apiKeys: [], announce: [id] })
  })

  test('of another tenant is refused', async () => {
    const [owner, other] = [await signUp(auth), await signUp(auth)]
    const id = await createKey(other)
    await expect(key(owner, id)).rejects.toMatchObject({ code: 'api_key_not_found' })
    expect(await liveKeys(other)).toHaveLength(1)
  })
})
