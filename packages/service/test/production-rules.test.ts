import { describe, expect, test } from 'vitest'
import { ConfigError } from '../src/config.ts'
import { brokenRules, checkProduction, type ProductionValues } from '../src/production-rules.ts'

const local: ProductionValues = {
  NODE_ENV: 'production',
  HOST: '127.0.0.1',
  NATS_URL: 'nats://127.0.0.1:4222',
  MEMORIC_PRIVATE_NETWORK: false,
}
const elsewhere = {
  HOST: '0.0.0.0',
  NATS_URL: 'nats://nats:4222',
  DATABASE_URL: 'postgres://role:planted-password@postgres:5432/memoric_auth',
  AUTH_URL: 'http://auth:3457',
}

function variables(values: Partial<ProductionValues>, exposure: 'public' | 'internal' = 'internal'): string[] {
  return brokenRules({ ...local, ...values }, exposure).map((rule) => rule.replace(/:.*/, ''))
}

test('outside of production nothing is refused', () => {
  for (const NODE_ENV of ['development', 'test'] as const) {
    expect(() => checkProduction({ ...local, ...elsewhere, NODE_ENV, KEK_PROVIDER: 'local' }, 'public')).not.toThrow()
  }
})

test('everything on one machine is accepted', () => {
  expect(variables({ DATABASE_URL: 'postgres://role:p@127.0.0.1/db', AUTH_URL: 'http://127.0.0.1:3457' })).toEqual([])
})

test('every broken rule is named, and no value', () => {
  const all = { ...local, ...elsewhere, KEK_PROVIDER: 'local' }
  expect(() => checkProduction(all, 'public')).toThrow(ConfigError)
  expect(() => checkProduction(all, 'public')).toThrow(
    /HOST:[^]*DATABASE_URL:[^]*NATS_URL:[^]*AUTH_URL:[^]*MEMORIC_ENCRYPTION_KEY:/,
  )
  expect(brokenRules(all, 'public').join()).not.toContain('planted')
})

test('a private network is accepted only when it is called one', () => {
  expect(variables(elsewhere)).toEqual(['HOST', 'DATABASE_URL', 'NATS_URL', 'AUTH_URL'])
  expect(variables({ ...elsewhere, MEMORIC_PRIVATE_NETWORK: true })).toEqual([])
})

describe('the public app', () => {
  test('needs a trusted proxy when it listens to other machines, private network or not', () => {
    for (const HOST of ['0.0.0.0', '::', '192.0.2.1', 'api.example', '127.example']) {
      for (const MEMORIC_PRIVATE_NETWORK of [true, false]) {
        expect(variables({ HOST, MEMORIC_PRIVATE_NETWORK }, 'public')).toEqual(['HOST'])
        expect(variables({ HOST, MEMORIC_PRIVATE_NETWORK, TRUSTED_PROXIES: ['192.0.2.7'] }, 'public')).toEqual([])
      }
    }
    expect(variables({ HOST: '0.0.0.0', TRUSTED_PROXIES: [] }, 'public')).toEqual(['HOST'])
  })

  test('may speak plain HTTP to its own machine', () => {
    for (const HOST of ['127.0.0.1', '127.1.2.3', 'localhost', '::1', '[::1]']) {
      expect(variables({ HOST }, 'public')).toEqual([])
    }
  })
})

describe('SMTP', () => {
  test.each([
    'smtp://127.0.0.1:1025',
    'smtp://[::1]:1025',
    'smtps://user:p@mail.example',
    'smtp://user:p@mail.example:587?requireTLS=true',
  ])('is not plain to another machine with %s', (MAIL_SMTP_URL) => {
    expect(variables({ MAIL_SMTP_URL })).toEqual([])
  })

  test.each(['smtp://mail.example', 'smtp://u:p@mail.example?requireTLS=false', 'smtp://127.0.0.1@mail.example'])(
    'is plain to another machine with %s',
    (MAIL_SMTP_URL) => {
      expect(variables({ MAIL_SMTP_URL })).toEqual(['MAIL_SMTP_URL'])
    },
  )

  test('is accepted on a private network when the URL says that it is meant', () => {
    const [MAIL_SMTP_URL, meant] = ['smtp://relay.internal:25', 'smtp://relay.internal:25?requireTLS=false']
    expect(variables({ MAIL_SMTP_URL, MEMORIC_PRIVATE_NETWORK: true })).toEqual(['MAIL_SMTP_URL'])
    expect(variables({ MAIL_SMTP_URL: meant, MEMORIC_PRIVATE_NETWORK: true })).toEqual([])
  })
})

describe('PostgreSQL', () => {
  test.each([
    'postgres://a:b@127.0.0.1:5432/d',
    'postgres://a:b@localhost/d',
    'postgres://a:b@[::1]:5432/d',
    'postgresql://a:b@localhost:5432,127.0.0.1:5433/d',
    'postgres://a:b@db.example/d?sslmode=verify-full',
    'postgres://a:b@db.example/d?application_name=x&ssl=require',
  ])('is not plain to another machine with %s', (DATABASE_URL) => {
    expect(variables({ DATABASE_URL })).toEqual([])
  })

  test.each([
    'postgres://a:b@db.example:5432/d',
    'postgres://a:b@db.example/d?sslmode=prefer',
    'postgres://a:b@db.example/d?sslmode=disable',
    'postgres://a:b@db.example/d?sslmode=require&sslmode=disable',
    'postgres://a:b@127.0.0.1,db.example/d',
    'postgres://127.0.0.1@db.example/d',
    'postgres://a:b@127.0.0.1@db.example/d',
    'postgres://a:b@10.0.0.1/d',
    'postgres:///d',
    'not a URL',
  ])('may be plain to another machine with %s', (DATABASE_URL) => {
    expect(variables({ DATABASE_URL })).toEqual(['DATABASE_URL'])
  })
})

describe('NATS', () => {
  test.each([
    'nats://127.0.0.1:4222',
    'localhost:4222',
    'tls://nats.example:4222',
    'tls://a, tls://b',
    'nats://[::1]:4222',
  ])('is not plain to another machine with %s', (NATS_URL) => {
    expect(variables({ NATS_URL })).toEqual([])
  })

  test.each(['nats://nats:4222', 'nats', 'tls://a,nats://b', 'nats://127.0.0.1@b:4222', 'ws://nats.example'])(
    'is plain to another machine with %s',
    (NATS_URL) => {
      expect(variables({ NATS_URL })).toEqual(['NATS_URL'])
    },
  )
})

test('other services on other machines need HTTPS', () => {
  expect(variables({ EMBEDDINGS_URL: 'http://10.0.0.9:11434/v1' })).toEqual(['EMBEDDINGS_URL'])
  expect(variables({ EMBEDDINGS_URL: 'http://127.0.0.1:11434/v1' })).toEqual([])
  expect(variables({ AUTH_URL: 'https://auth', MEMORY_URL: 'http://memory:1', AUDIT_URL: 'http://[::1]:1' })).toEqual([
    'MEMORY_URL',
  ])
})

test('a key encryption key on this machine must be allowed', () => {
  expect(variables({ KEK_PROVIDER: 'local' })).toEqual(['MEMORIC_ENCRYPTION_KEY'])
  expect(variables({ KEK_PROVIDER: 'local', MEMORIC_ALLOW_LOCAL_KEK: true })).toEqual([])
  expect(variables({ KEK_PROVIDER: 'aws-kms' })).toEqual([])
})
