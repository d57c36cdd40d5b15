import { runtimeSettings } from '@memoric/setup/runtime-settings.ts'
import { expect, test } from 'vitest'
import { appEnvironment, type AppSurroundings } from '../src/app-environment.ts'
import { homeAt } from '../src/home.ts'

function of<T>(make: (app: string) => T) {
  return { auth: make('auth'), memory: make('memory'), audit: make('audit') }
}

const surroundings: AppSurroundings = {
  home: homeAt('/home'),
  ports: { gateway: 1, auth: 2, memory: 3, audit: 4, postgres: 5, nats: 6 },
  secrets: {
    postgresPassword: 'super',
    ownerPassword: 'owner',
    natsPasswords: { ...of((app) => `nats-${app}`), gateway: 'nats-gateway', admin: 'nats-admin' },
    appPasswords: of((app) => `role-${app}`),
  },
  databaseUrls: of((app) => `postgres://${app}`),
  user: {},
}

test("an app gets its own secrets and nobody else's", () => {
  const memory = JSON.stringify(appEnvironment('memory', surroundings))
  for (const foreign of [
    'super',
    'owner',
    'nats-admin',
    'nats-auth',
    'role-',
    'auth-service-keys',
    'postgres://auth',
    'auth-encryption',
  ]) {
    expect(memory).not.toContain(foreign)
  }
  expect(appEnvironment('memory', surroundings)).toEqual({
    ...runtimeSettings,
    PATH: '',
    HOST: '127.0.0.1',
    PORT: '3',
    NATS_URL: 'nats://127.0.0.1:6',
    NATS_USER: 'memory',
    NATS_PASSWORD: 'nats-memory',
    DATABASE_URL: 'postgres://memory',
    MEMORIC_ENCRYPTION_KEY_FILE: '/home/secrets/memory-encryption.key',
    PERSONAL_DATA_KEY_FILE: '/home/secrets/personal-data.key',
    SERVICE_KEY_HASHES_FILE: '/home/secrets/memory-service-keys.json',
  })
})

test('auth writes its mails into the home, and names the address of the gateway in them', () => {
  expect(appEnvironment('auth', surroundings)).toMatchObject({
    MAIL_DIRECTORY: '/home/mail',
    PUBLIC_URL: 'http://127.0.0.1:1',
  })
})

test('the gateway knows no database and no encryption key', () => {
  const own = Object.keys(appEnvironment('gateway', surroundings)).filter((name) => !(name in runtimeSettings))
  expect(own.sort()).toEqual([
    'AUDIT_SERVICE_KEY_FILE',
    'AUDIT_URL',
    'AUTH_SERVICE_KEY_FILE',
    'AUTH_URL',
    'HOST',
    'MEMORY_SERVICE_KEY_FILE',
    'MEMORY_URL',
    'NATS_PASSWORD',
    'NATS_URL',
    'NATS_USER',
    'PATH',
    'PORT',
    'PUBLIC_URL',
  ])
})

test("of the starter's environment only what is on the list is passed on, and nothing that the stack decides", () => {
  const user = {
    PATH: '/bin',
    LOG_LEVEL: 'debug',
    RATE_LIMIT_MAX: '5',
    REDIS_URL: 'redis://x',
    METRICS_TOKEN: 'm',
    AUDIT_DEAD_LETTER_DAYS: '30',
    SEARCH_GLOBAL: 'true',
    MEMORIC_HOME: '/home',
    MEMORIC_ENCRYPTION_KEY: 'mine',
    AWS_SECRET_ACCESS_KEY: 'x',
    NODE_OPTIONS: '--inspect',
    DATABASE_URL: 'postgres://elsewhere',
    HOST: 'my-computer',
    PORT: '9999',
  }
  const env = appEnvironment('auth', { ...surroundings, user })
  expect(env).toMatchObject({
    PATH: '/bin',
    LOG_LEVEL: 'debug',
    RATE_LIMIT_MAX: '5',
    REDIS_URL: 'redis://x',
    METRICS_TOKEN: 'm',
    AUDIT_DEAD_LETTER_DAYS: '30',
    HOST: '127.0.0.1',
    PORT: '2',
  })
  expect(env.DATABASE_URL).toBe('postgres://auth')
  expect(env.NODE_OPTIONS).toBe(runtimeSettings.NODE_OPTIONS)
  expect(appEnvironment('memory', { ...surroundings, user })).toMatchObject({ SEARCH_GLOBAL: 'true' })
  for (const name of ['MEMORIC_ENCRYPTION_KEY', 'AWS_SECRET_ACCESS_KEY', 'SEARCH_GLOBAL'])
    expect(env).not.toHaveProperty(name)
})

test('who embeds and writes summaries, and the keys for that, is told to the memory service alone', () => {
  const url = 'http://127.0.0.1:1/v1'
  const user = { EMBEDDINGS_URL: url, EMBEDDINGS_KEY: 'x', TEXT_MODEL_URL: url, TEXT_MODEL_KEY: 'y' }
  expect(appEnvironment('memory', { ...surroundings, user })).toMatchObject(user)
  for (const app of ['auth', 'gateway', 'audit'] as const) {
    const env = appEnvironment(app, { ...surroundings, user })
    for (const name of ['EMBEDDINGS_KEY', 'TEXT_MODEL_KEY']) expect(env).not.toHaveProperty(name)
  }
})
