import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { OperationId } from '@memoric/contracts/route-table.ts'
import { type Account, createAccount, createKey, PASSWORD } from '@memoric/e2e/accounts.ts'
import type { ApiRequest, Credential } from '@memoric/e2e/api-client.ts'
import { useAnotherGateway } from '@memoric/e2e/gateways.ts'
import { operate } from '@memoric/e2e/operate.ts'
import { useStack } from '@memoric/e2e/use-stack.ts'
import { describe, expect, test } from 'vitest'

const CACHE_SECONDS = 3
const stack = useStack({ overrides: { GRANT_CACHE_SECONDS: String(CACHE_SECONDS) } })
const another = useAnotherGateway(stack)

/** Within so many ms a change counts at every gateway while NATS runs. */
const BOUND_MS = 1000

interface Question {
  readonly credential: Credential
  readonly operation?: OperationId
  readonly request?: ApiRequest
}

const ask = ({ credential, operation = 'me', request = {} }: Question) =>
  [stack.api, another.api].map(async (api) => (await api.call(operation, credential, request)).status)

/** Ms from the answer to `change` until every gateway answers `refused` to a credential that they all knew well. */
async function timeUntil(refused: number, question: Question, change: () => Promise<unknown>): Promise<number> {
  for (const statuses of [await Promise.all(ask(question)), await Promise.all(ask(question))]) {
    expect(statuses).toEqual([200, 200])
  }
  await change()
  const changedAt = performance.now()
  while ((await Promise.all(ask(question))).some((status) => status !== refused)) {
    if (performance.now() - changedAt > 20_000) throw new Error('the change never counted')
    await sleep(5)
  }
  return performance.now() - changedAt
}

interface Member {
  readonly id: string
  readonly email: string
  readonly session: Credential
  readonly refreshToken: string
}

/** Another member of the tenant of an account, who has signed in. */
async function addMember({ session, tenantId }: Account, role: 'admin' | 'user' = 'admin'): Promise<Member> {
  const email = `${randomUUID()}@example.org`
  const { id } = await stack.api.ok('createUser', session, { body: { email, role, password: PASSWORD } })
  return { id, email, ...(await signIn({ email, tenantId })) }
}

async function signIn({ email, tenantId }: { readonly email: string; readonly tenantId: string }) {
  const { api } = stack
  const tokens = await api.ok('login', null, { body: { email, password: PASSWORD, tenant: tenantId } })
  return { session: { token: tokens.access_token }, refreshToken: tokens.refresh_token }
}

describe('within a second every gateway refuses', () => {
  test('a session that was signed out', async () => {
    const account = await createAccount(stack)
    const signOut = () => stack.api.ok('logout', null, { body: { refresh_token: account.refreshToken } })
    expect(await timeUntil(401, { credential: account.session }, signOut)).toBeLessThan(BOUND_MS)
  })

  test('a session that its user ended from another one', async () => {
    const account = await createAccount(stack)
    const { session } = await signIn(account)
    const endOthers = () => stack.api.ok('revokeOtherSessions', account.session)
    expect(await timeUntil(401, { credential: session }, endOthers)).toBeLessThan(BOUND_MS)
    expect((await stack.api.call('me', account.session)).status).toBe(200)
  })

  test('the other sessions of a user who changed the password', async () => {
    const account = await createAccount(stack)
    const { session } = await signIn(account)
    const body = { current_password: PASSWORD, new_password: 'staple battery horse correct' }
    const change = () => stack.api.ok('changePassword', account.session, { body })
    expect(await timeUntil(401, { credential: session }, change)).toBeLessThan(BOUND_MS)
  })

  test('a member who was deactivated, and the key that the member made', async () => {
    const account = await createAccount(stack)
    const member = await addMember(account)
    const { key } = await createKey(stack, member.session)
    expect(await Promise.all(ask({ credential: { apiKey: key } }))).toEqual([200, 200])
    const deactivate = () =>
      stack.api.ok('updateUser', account.session, { params: { id: member.id }, body: { active: false } })
    expect(await timeUntil(401, { credential: member.session }, deactivate)).toBeLessThan(BOUND_MS)
    expect(await Promise.all(ask({ credential: { apiKey: key } }))).toEqual([401, 401])
  })

  test('what a member may no longer do in another role', async () => {
    const account = await createAccount(stack)
    const member = await addMember(account)
    const demote = () =>
      stack.api.ok('updateUser', account.session, { params: { id: member.id }, body: { role: 'read_only' } })
    const question = { credential: member.session, operation: 'listUsers' } as const
    expect(await timeUntil(403, question, demote)).toBeLessThan(BOUND_MS)
  })

  test('a key that was revoked', async () => {
    const account = await createAccount(stack)
    const revoke = () => stack.api.ok('revokeApiKey', account.session, { params: { id: account.keyId } })
    expect(await timeUntil(401, { credential: account.key }, revoke)).toBeLessThan(BOUND_MS)
  })

  test.each(['session', 'key'] as const)('the %s of a tenant that the operator suspended', async (what) => {
    const account = await createAccount(stack)
    const suspend = () => operate(stack, 'tenants', 'suspend', account.tenantId)
    expect(await timeUntil(401, { credential: account[what] }, suspend)).toBeLessThan(BOUND_MS)
    await operate(stack, 'tenants', 'resume', account.tenantId)
    expect(await Promise.all(ask({ credential: account[what] }))).toEqual([200, 200])
  })

  test('a user who was contained', async () => {
    const account = await createAccount(stack)
    const member = await addMember(account)
    const body = { target: { type: 'user', id: member.id }, reason: 'stolen laptop' }
    const contain = () => stack.api.ok('contain', account.session, { body })
    expect(await timeUntil(401, { credential: member.session }, contain)).toBeLessThan(BOUND_MS)
  })
})

describe('while NATS is away every gateway refuses, when its cache ends,', () => {
  const endings: readonly (readonly [string, 'session' | 'key', (account: Account) => Promise<unknown>])[] = [
    [
      'a session that was signed out',
      'session',
      ({ refreshToken }) => stack.api.ok('logout', null, { body: { refresh_token: refreshToken } }),
    ],
    [
      'a key that was revoked',
      'key',
      ({ session, keyId }) => stack.api.ok('revokeApiKey', session, { params: { id: keyId } }),
    ],
  ]

  test.each(endings)('%s', async (_what, credential, end) => {
    const account = await createAccount(stack)
    await stack.nats.kill()
    const time = await timeUntil(401, { credential: account[credential] }, () => end(account)).finally(() =>
      stack.nats.start(),
    )
    expect(time).toBeLessThan(CACHE_SECONDS * 1000 + 500)
  })
})
