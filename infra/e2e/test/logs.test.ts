import { type Account, createAccount, PASSWORD } from '@memoric/e2e/accounts.ts'
import { settled } from '@memoric/e2e/settled.ts'
import { useStack } from '@memoric/e2e/use-stack.ts'
import { beforeAll, expect, test } from 'vitest'

const stack = useStack({ overrides: { LOG_LEVEL: 'trace' } })

const CONTENT = 'the canary sings of a secret'
let account: Account
let newSession: string

/** Everything that can happen to a secret: used, refused, misplaced, and in the way when the database goes. */
beforeAll(async () => {
  const { api } = stack
  account = await createAccount(stack)
  const made = await api.ok('createMemory', account.key, { body: { content: CONTENT, metadata: { canary: CONTENT } } })
  await api.ok('searchMemories', account.key, { body: { query: CONTENT, explain: true } })
  await api.call('updateMemory', account.key, { params: { id: made.id }, body: { content: `${CONTENT} again`, x: 1 } })
  await api.call('login', null, { body: { email: account.email, password: `${PASSWORD} wrong` } })
  await api.call('login', null, { body: { email: account.email, password: PASSWORD, no_such_field: PASSWORD } })
  const pair = await api.ok('refresh', null, { body: { refresh_token: account.refreshToken } })
  newSession = pair.refresh_token
  await api.call('me', account.session, { headers: { 'x-api-key': 'mk_local_junk' } })
  await api.raw({ method: 'GET', path: `/v1/memories?token=${account.refreshToken}` }, account.key)
  await api.raw(
    { method: 'POST', path: '/v1/memories', headers: { 'content-type': 'text/plain' }, body: CONTENT },
    account.key,
  )
  await settled(stack)
  await stack.postgres.stop()
  await api.call('createMemory', account.key, { body: { content: CONTENT } })
  await api.call('login', null, { body: { email: account.email, password: PASSWORD } })
  await api.call('createApiKey', account.session, { body: { name: CONTENT, scopes: ['memories:read'] } })
  await stack.postgres.start()
  const hostile = `a\x1b[31m"}{"level":"fatal","msg":"forged"`
  await api.raw({ method: 'GET', path: '/v1/memories', headers: { 'user-agent': 'x'.repeat(10_000) } }, account.key)
  await api.raw({ method: 'GET', path: '/v1/memories/%0d%0a%7b%22level%22:%22fatal%22%7d' }, account.key)
  await api.raw({ method: 'GET', path: '/v1/memories', headers: { 'x-request-id': hostile.replaceAll('\x1b', '') } })
})

test('the apps have logged what went wrong', () => {
  expect(stack.log.length).toBeGreaterThan(5)
  expect(stack.log.some((line) => line.includes('"level":"error"'))).toBe(true)
})

test('no secret, no content and no e-mail is in any line, at any level', () => {
  const { session, key, email, refreshToken } = account
  const texts = [...Object.values({ ...session, ...key }), refreshToken, newSession].map(String)
  const { environments, serviceKey } = stack.settings
  const secrets = [
    ...texts,
    ...texts.map((text) => text.slice(-40)),
    PASSWORD,
    'canary',
    email,
    serviceKey.text,
    serviceKey.secret,
    'v1.identity',
    ...Object.values(environments).flatMap((environment) => [
      environment['MEMORIC_ENCRYPTION_KEY']!,
      environment['NATS_PASSWORD']!,
      environment['API_KEY_PEPPER']!,
      environment['PERSONAL_DATA_KEY']!,
    ]),
  ]
  for (const secret of secrets) expect(stack.log.filter((line) => line.includes(secret))).toEqual([])
})

test('every line is one JSON object of one app, whatever a client sends', () => {
  for (const line of stack.log) {
    expect(line.indexOf('\n')).toBe(line.length - 1)
    const { app, level } = JSON.parse(line) as { app: string; level: string }
    expect(['auth', 'memory', 'audit', 'gateway']).toContain(app)
    expect(level).not.toBe('fatal')
    expect(line).not.toContain('\x1b')
  }
})
