import { PASSWORD, register } from '@memoric/e2e/accounts.ts'
import type { Credential } from '@memoric/e2e/api-client.ts'
import { settled } from '@memoric/e2e/settled.ts'
import { useStack } from '@memoric/e2e/use-stack.ts'
import { randomUUID } from 'node:crypto'
import { generate } from 'otplib/functional'
import { expect, test } from 'vitest'

const stack = useStack()

type Registered = Awaited<ReturnType<typeof register>>

const codeOf = (secret: string, steps = 0) => generate({ secret, epoch: Math.floor(Date.now() / 1000) + steps * 30 })

const login = ({ email }: Pick<Registered, 'email'>, more: Record<string, unknown> = {}, headers = {}) =>
  stack.api.call('login', null, { body: { email, password: PASSWORD, ...more }, headers })

async function enable(session: Credential) {
  const { secret } = await stack.api.ok('enrollTotp', session)
  const { recovery_codes } = await stack.api.ok('confirmTotp', session, { body: { code: await codeOf(secret) } })
  return { secret, recoveryCodes: recovery_codes }
}

test('a user sets up an authenticator app, signs in with it and with a recovery code, takes it away, and the log has it all', async () => {
  const { api } = stack
  const account = await register(stack)
  const other = {
    token: (await api.ok('login', null, { body: { email: account.email, password: PASSWORD } })).access_token,
  }
  await api.ok('me', other)
  const { secret, recoveryCodes } = await enable(account.session)
  await expect.poll(async () => (await api.call('me', other)).status, { timeout: 5000, interval: 20 }).toBe(401)
  expect((await api.ok('me', account.session)).user?.totp_enabled).toBe(true)

  expect((await login(account)).problem).toMatchObject({ status: 401, code: 'totp_required' })
  expect((await login(account, { totp: '12345a' })).problem).toMatchObject({ status: 401, code: 'invalid_code' })
  expect((await login(account, { totp: await codeOf(secret, 1) })).status).toBe(200)
  const signedIn = await api.ok('login', null, {
    body: { email: account.email, password: PASSWORD, totp: recoveryCodes[0] },
  })
  await api.ok('disableTotp', { token: signedIn.access_token })
  expect((await login(account)).status).toBe(200)

  await settled(stack)
  const reader = { token: signedIn.access_token }
  const { items } = await api.ok('listAuditLogs', reader, { query: { limit: '200' } })
  const told = items.map(({ operation, reason, details }) => ({ operation, reason, details })).toReversed()
  const inOrder = [
    { operation: 'auth.totp.enrolled' },
    { operation: 'auth.totp.enabled' },
    { operation: 'auth.session.revoked', reason: 'totp_enabled' },
    { operation: 'auth.login.failed', reason: 'totp_required' },
    { operation: 'auth.login.failed', reason: 'wrong_code' },
    { operation: 'auth.login.succeeded', details: { second_factor: 'totp' } },
    { operation: 'auth.recovery_code.used', details: { left: 9 } },
    { operation: 'auth.totp.disabled' },
  ]
  for (const entry of inOrder) expect(told).toContainEqual(expect.objectContaining(deep(entry)))
  expect(JSON.stringify(items)).not.toContain(secret)
  for (const code of recoveryCodes) expect(JSON.stringify(items)).not.toContain(code)
})

test('where the tenant asks for a second factor, a session can only set one up; then the same session can do everything', async () => {
  const { api } = stack
  const account = await register(stack)
  await api.ok('listApiKeys', account.session)
  await api.ok('updateTenant', account.session, { body: { settings: { totp_required: true } } })
  const { session } = account
  const list = async () => (await api.call('listApiKeys', session)).status
  await expect.poll(list, { timeout: 5000, interval: 20 }).toBe(403)
  for (const id of [
    'searchMemories',
    'createMemory',
    'listUsers',
    'getTenant',
    'listAuditLogs',
    'createApiKey',
  ] as const) {
    const body = { searchMemories: { query: 'x' }, createMemory: { content: 'x' }, createApiKey: apiKey }
    const answer = await api.call(id, session, id in body ? { body: body[id as keyof typeof body] } : {})
    expect([id, answer.problem?.code]).toEqual([id, 'permission_denied'])
  }
  expect(await api.ok('me', session)).toMatchObject({ permissions: [], required_actions: ['enroll_totp'] })
  expect((await api.ok('listSessions', session)).items).toHaveLength(1)
  expect((await login(account)).body).toMatchObject({ required_actions: ['enroll_totp'] })
  await enable(session)
  await expect.poll(list, { timeout: 1000, interval: 20 }).toBe(200)
  expect(await api.ok('me', session)).toMatchObject({ required_actions: [] })
  expect((await api.call('disableTotp', session)).problem?.code).toBe('totp_required_by_tenant')
})

const apiKey = { name: 'k', scopes: ['memories:read'] }

test('guesses are slowed down through the gateway, and an owner who is known there still gets in', async () => {
  const account = await register(stack)
  const from = (address: string) => ({ 'x-forwarded-for': address })
  expect((await login(account, {}, from('198.51.100.7'))).status).toBe(200)
  const guess = { password: 'something else entirely' }
  const guesses = Array.from({ length: 40 }, (_, i) => login(account, guess, from(`203.0.${i}.5`)))
  const answers = await Promise.all(guesses)
  const limited = answers.filter(({ status }) => status === 429)
  expect(answers.filter(({ status }) => status === 401)).toHaveLength(6)
  expect(limited).toHaveLength(34)
  for (const { problem, headers } of limited) {
    expect(problem?.code).toBe('sign_in_throttled')
    expect(headers['retry-after']).toMatch(/^[12]$/)
  }
  expect((await login(account, {}, from('203.0.99.5'))).status).toBe(429)
  expect((await login(account, {}, from('198.51.100.99'))).status).toBe(200)
})

test('the answer does not tell whether there is an account', async () => {
  const [known, unknown] = [await register(stack), { email: `${randomUUID()}@example.org` }]
  const guess = { password: 'something else entirely' }
  for (let i = 0; i < 8; i += 1) {
    await stack.admin
      .auth`update sign_in_attempts set blocked_until = blocked_until + interval '1 hour' where failures = 6`
    const [first, second] = [await login(known, guess), await login(unknown, guess)]
    expect(first.status).toBe(i < 6 ? 401 : 429)
    const shown = ({ status, headers, problem }: typeof first) => ({
      status,
      headers: { ...headers, ...hidden, 'retry-after': 'retry-after' in headers },
      problem: { ...problem, request_id: null },
    })
    expect(shown(second)).toEqual(shown(first))
  }
})

/** What differs from one request to the next, whoever asks. */
const hidden = { date: null, 'x-request-id': null, 'ratelimit-remaining': null, 'ratelimit-reset': null }

/** Details may have more than what is asked for. */
function deep<T extends { readonly details?: object }>(entry: T) {
  return entry.details === undefined ? entry : { ...entry, details: expect.objectContaining(entry.details) as object }
}
