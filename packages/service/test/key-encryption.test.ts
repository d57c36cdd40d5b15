import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CryptoError } from '@memoric/crypto/errors.ts'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { loadConfig } from '../src/config.ts'
import { keyEncryptionConfig } from '../src/key-encryption/key-encryption-config.ts'
import { openKeyEncryption } from '../src/key-encryption/open-key-encryption.ts'
import { type FakeKms, startFakeKms } from './fake-kms.ts'
import { type FakeVault, startFakeVault } from './fake-vault.ts'

const context = { service: 'memory', tenant_id: 'a-tenant', version: '1' }
const newLocalKey = () => randomBytes(32).toString('base64')
let vault: FakeVault
let kms: FakeKms

beforeAll(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test')
  vault = await startFakeVault()
  kms = await startFakeKms()
})
afterEach(() => {
  vault.failing.times = 0
  kms.failing.times = 0
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await Promise.all([vault.stop(), kms.stop()])
})

const open = (environment: Record<string, string>) =>
  openKeyEncryption(loadConfig(z.object(keyEncryptionConfig), environment))

const providers = {
  local: () => ({ MEMORIC_ENCRYPTION_KEY: newLocalKey() }),
  'aws-kms': () => ({
    KEK_PROVIDER: 'aws-kms',
    AWS_KMS_KEYS: 'alias/memoric',
    AWS_KMS_REGION: 'eu-central-1',
    AWS_KMS_ENDPOINT: kms.url,
  }),
  'vault-transit': () => ({
    KEK_PROVIDER: 'vault-transit',
    VAULT_ADDR: vault.url,
    VAULT_TRANSIT_KEYS: 'memoric',
    VAULT_TOKEN: vault.token,
  }),
}

describe.each(Object.entries(providers))('the provider %s', (name, settings) => {
  test('unwraps what it wrapped, in whatever order the context is written', async () => {
    const [keks, key] = [await open(settings()), randomBytes(32)]
    const stored = await keks.wrap(key, context)
    expect(stored.kekId.startsWith(`${name}:`)).toBe(true)
    expect(Buffer.from(stored.wrapped).includes(key)).toBe(false)
    const turned = Object.fromEntries(Object.entries(context).reverse())
    expect(await keks.unwrap(stored, turned)).toEqual(key)
  })

  test('refuses another context, a changed blob and the blob of a key that it does not have', async () => {
    const keks = await open(settings())
    const stored = await keks.wrap(randomBytes(32), context)
    const changed = Buffer.from(stored.wrapped)
    changed[changed.length - 3]! ^= 1
    const wrong = new CryptoError('decryption_failed')
    await expect(keks.unwrap(stored, { ...context, tenant_id: 'another' })).rejects.toThrow(wrong)
    await expect(keks.unwrap({ ...stored, wrapped: changed }, context)).rejects.toThrow(wrong)
    await expect(keks.unwrap({ ...stored, kekId: 'of nobody' }, context)).rejects.toThrow(
      new CryptoError('unknown_key'),
    )
  })
})

test('another provider takes over while the one before still opens what it wrapped', async () => {
  const [local, key] = [providers.local(), randomBytes(32)]
  const before = await (await open(local)).wrap(key, context)
  const keks = await open({ ...local, ...providers['vault-transit']() })
  expect(await keks.unwrap(before, context)).toEqual(key)
  expect((await keks.wrap(key, context)).kekId).toBe('vault-transit:transit/memoric')
})

test('the first of several local keys wraps, each of them unwraps', async () => {
  const [old, fresh] = [newLocalKey(), newLocalKey()]
  const key = randomBytes(32)
  const before = await (await open({ MEMORIC_ENCRYPTION_KEY: old })).wrap(key, context)
  const keks = await open({ MEMORIC_ENCRYPTION_KEY: `${fresh},${old}` })
  expect(await keks.unwrap(before, context)).toEqual(key)
  expect((await keks.wrap(key, context)).kekId).not.toBe(before.kekId)
})

describe('Vault', () => {
  test('is asked again while it is sealed, and is out of reach after three times', async () => {
    const keks = await open(providers['vault-transit']())
    vault.failing = { status: 503, times: 2 }
    const stored = await keks.wrap(randomBytes(32), context)
    vault.failing = { status: 503, times: 3 }
    await expect(keks.unwrap(stored, context)).rejects.toThrow(new CryptoError('kek_unavailable'))
  })

  test('that refuses the token is out of reach, not a wrong key', async () => {
    const keks = await open({ ...providers['vault-transit'](), VAULT_TOKEN: 'of somebody else' })
    await expect(keks.wrap(randomBytes(32), context)).rejects.toThrow(new CryptoError('kek_unavailable'))
  })

  test('is shown the token that an agent has renewed meanwhile, and the namespace', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'memoric-vault-'))
    const path = join(folder, 'token')
    const { VAULT_TOKEN: _, ...settings } = providers['vault-transit']()
    const keks = await open({ ...settings, VAULT_TOKEN_PATH: path, VAULT_NAMESPACE: 'team' })
    for (const token of ['first', 'second']) {
      vault.token = token
      await writeFile(path, `${token}\n`)
      await keks.wrap(randomBytes(32), context)
      expect(vault.seen.at(-1)).toMatchObject({ token, namespace: 'team', path: '/v1/transit/encrypt/memoric' })
    }
    await rm(folder, { recursive: true })
  })
})

describe('AWS KMS', () => {
  test('is asked with a signature, the key by name and the context in clear for its trail', async () => {
    const keks = await open(providers['aws-kms']())
    const stored = await keks.wrap(randomBytes(32), context)
    await keks.unwrap(stored, context)
    expect(kms.seen.at(-1)).toMatchObject({
      target: 'TrentService.Decrypt',
      authorization: expect.stringContaining('AWS4-HMAC-SHA256') as string,
      body: { KeyId: 'alias/memoric', EncryptionContext: context },
    })
  })

  test('that fails is asked again, and is out of reach after three times', async () => {
    const keks = await open(providers['aws-kms']())
    kms.failing = { status: 500, times: 2 }
    const stored = await keks.wrap(randomBytes(32), context)
    kms.failing = { status: 500, times: 3 }
    await expect(keks.unwrap(stored, context)).rejects.toThrow(new CryptoError('kek_unavailable'))
  })
})

test.each([
  ['no key at all', {}, 'MEMORIC_ENCRYPTION_KEY is missing'],
  ['a key that is none', { MEMORIC_ENCRYPTION_KEY: 'short' }, 'must be 32 random bytes'],
  ['a key that is not random', { MEMORIC_ENCRYPTION_KEY: Buffer.alloc(32).toString('base64') }, 'is not random'],
  ['a chosen KMS without a key', { KEK_PROVIDER: 'aws-kms' }, 'AWS_KMS_KEYS must name a key'],
  ['a chosen Vault without a token', { KEK_PROVIDER: 'vault-transit', VAULT_TRANSIT_KEYS: 'k' }, 'VAULT_TOKEN'],
  ['the same key twice', { KEK_PROVIDER: 'aws-kms', AWS_KMS_KEYS: 'k,k', AWS_KMS_REGION: 'eu-central-1' }, 'twice'],
])('refuses %s', async (_name, environment, message) => {
  await expect(open(environment as Record<string, string>)).rejects.toThrow(message)
})
