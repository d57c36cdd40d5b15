import { createLogger } from '@memoric/service/logger.ts'
import { expect, test } from 'vitest'
import { buildApp } from '../src/app.ts'
import { createDeps, type Deps } from '../src/deps.ts'
import { randomKey, testConfig } from './auth-settings.ts'
import { signUp } from './sign-up.ts'
import { call, useAuth } from './use-auth.ts'

const auth = useAuth()
const log = createLogger({ app: 'auth', level: 'silent' })
const start = (settings: Record<string, string> = {}) =>
  createDeps(testConfig({ ...auth.settings(), ...settings }), log)

async function withSecond<T>(settings: Record<string, string>, use: (deps: Deps) => Promise<T>): Promise<T> {
  const deps = await start(settings)
  try {
    return await use(deps)
  } finally {
    await deps.closer.close()
  }
}

test('another key encryption key is refused, with what to do', async () => {
  const refused = start({ MEMORIC_ENCRYPTION_KEY: randomKey() })
  await expect(refused).rejects.toThrow(/wrapped by .* Start with the key that the database was made with/)
})

test('a key encryption key that is not random is refused', async () => {
  await expect(start({ MEMORIC_ENCRYPTION_KEY: Buffer.alloc(32).toString('base64') })).rejects.toThrow(
    'MEMORIC_ENCRYPTION_KEY must be 32 random bytes',
  )
})

test('a role that row security does not hold is refused', async () => {
  await expect(start({ DATABASE_URL: auth.database.adminUrl })).rejects.toThrow('superuser')
})

test('processes on one database share their signing keys', async () => {
  const keys = await Promise.all(
    Array.from({ length: 4 }, () => withSecond({}, (deps) => Promise.resolve(deps.accessTokens.jwks()))),
  )
  expect(keys).toEqual(Array(4).fill(auth.deps.accessTokens.jwks()))
  const rows = await auth.admin`select state from signing_keys order by state`
  expect([...rows]).toEqual([{ state: 'current' }, { state: 'standby' }])
})

test('it starts while NATS is away, works, and says that it is degraded', async () => {
  await withSecond({ NATS_URL: 'nats://127.0.0.1:1' }, async (deps) => {
    const app = await buildApp(deps.config, deps)
    await signUp({ call: (...request) => call(app, ...request) })
    expect((await app.inject('/health')).statusCode).toBe(200)
    expect((await app.inject('/ready')).json()).toEqual({ status: 'degraded' })
    await app.close()
  })
})

test('it is ready when database and NATS are there', async () => {
  await expect.poll(async () => (await auth.app.inject('/ready')).statusCode).toBe(200)
})

test('registration can be closed', async () => {
  await withSecond({ REGISTRATION: 'closed' }, async (deps) => {
    const app = await buildApp(deps.config, deps)
    const body = { email: 'a@example.com', password: 'x'.repeat(15), tenant_name: 'Acme' }
    const answer = await call(app, 'POST', '/v1/auth/register', body)
    expect(answer).toMatchObject({ status: 403, body: { code: 'registration_closed' } })
    await app.close()
  })
})
