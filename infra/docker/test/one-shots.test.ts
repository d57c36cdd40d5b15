import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { natsConfigFile } from '@memoric/setup/nats-config.ts'
import { parseServiceKey } from '@memoric/crypto/service-key.ts'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { rotateServiceKey } from '@memoric/setup/service-keys/service-keys.ts'
import { handOutSecrets, handOutServiceKeys, type HandOutOptions } from '../src/hand-out-secrets.ts'

const receivers = ['auth', 'memory', 'audit', 'gateway', 'prepare', 'postgres', 'nats', 'first-tenant']

let options: HandOutOptions

beforeEach(async () => {
  const root = await mkdtemp(join(tmpdir(), 'hand-out-'))
  onTestFinished(() => rm(root, { recursive: true }))
  options = { folder: join(root, 'secrets'), given: join(root, 'given'), postgres: 'postgres:5432' }
  for (const name of receivers) await mkdir(join(options.given, name), { recursive: true })
  await mkdir(options.folder)
})

async function given(receiver: string): Promise<Record<string, string>> {
  const folder = join(options.given, receiver)
  const names = await readdir(folder)
  const entries = names.map(async (name) => [name, (await readFile(join(folder, name), 'utf8')).trim()] as const)
  return Object.fromEntries(await Promise.all(entries))
}

async function everything(): Promise<Record<string, Record<string, string>>> {
  return Object.fromEntries(await Promise.all(receivers.map(async (name) => [name, await given(name)] as const)))
}

describe('secrets', () => {
  test('are made once and given again each time', async () => {
    await handOutSecrets(options)
    const first = await everything()
    await rm(join(options.given, 'memory', 'NATS_PASSWORD'))
    await handOutSecrets(options)
    expect(await everything()).toEqual(first)
  })

  test('of the apps fit those of PostgreSQL, and of the gateway those of the apps', async () => {
    await handOutSecrets(options)
    const { prepare, memory, gateway, postgres } = await everything()
    const url = `postgres://memoric_memory:${prepare?.MEMORIC_MEMORY_DB_PASSWORD ?? ''}@postgres:5432/memoric_memory`
    expect(memory?.DATABASE_URL).toBe(url)
    expect(prepare?.ADMIN_DATABASE_URL).toContain(`:${postgres?.POSTGRES_PASSWORD ?? 'none'}@`)
    expect(parseServiceKey(gateway?.MEMORY_SERVICE_KEY)?.caller).toBe('gateway')
    expect(JSON.parse(memory?.SERVICE_KEY_HASHES ?? '')).toHaveProperty('gateway')
  })

  test('of one receiver are of no use to another', async () => {
    await handOutSecrets(options)
    const { gateway = {}, ...others } = await everything()
    for (const value of Object.values(gateway)) {
      for (const [receiver, files] of Object.entries(others)) {
        if (receiver !== 'nats') expect(Object.values(files).join('\n')).not.toContain(value)
      }
    }
    expect(Object.keys(gateway).sort()).toEqual([
      'AUDIT_SERVICE_KEY',
      'AUTH_SERVICE_KEY',
      'MEMORY_SERVICE_KEY',
      'NATS_PASSWORD',
    ])
  })

  test('that call another service are handed out at each step of their rotation, and nothing else is', async () => {
    await handOutSecrets(options)
    const before = await everything()
    const keys = { folder: options.folder, handOut: () => handOutServiceKeys(options) }
    const rotation = { settleMs: 0, overlapMs: 0, say: () => undefined }
    await rotateServiceKey(keys, { caller: 'gateway', app: 'memory' }, rotation)
    const after = await everything()
    expect(after.gateway?.MEMORY_SERVICE_KEY).not.toBe(before.gateway?.MEMORY_SERVICE_KEY)
    expect(after.memory?.SERVICE_KEY_HASHES).not.toBe(before.memory?.SERVICE_KEY_HASHES)
    const changed = { gateway: { MEMORY_SERVICE_KEY: '' }, memory: { SERVICE_KEY_HASHES: '' } }
    for (const each of [before, after]) {
      for (const [name, files] of Object.entries(changed)) Object.assign(each[name]!, files)
    }
    expect(after).toEqual(before)
  })

  test('can be read by their owner only; that of PostgreSQL by its group too', async () => {
    await handOutSecrets(options)
    for (const receiver of receivers) {
      for (const name of await readdir(join(options.given, receiver))) {
        const { mode } = await stat(join(options.given, receiver, name))
        expect((mode & 0o777).toString(8)).toBe(receiver === 'postgres' ? '640' : '600')
      }
    }
  })

  test('without which data could not be read are never made anew', async () => {
    await handOutSecrets(options)
    await rm(join(options.folder, 'memory-encryption.key'))
    await expect(handOutSecrets(options)).rejects.toThrow('memory-encryption.key is missing')
  })

  test('that an interrupted first start did not come to are made by the next', async () => {
    await handOutSecrets(options)
    for (const name of ['postgres.password', 'api-key-pepper.key', 'owner.password']) {
      await rm(join(options.folder, name))
    }
    await expect(handOutSecrets(options)).resolves.toBeUndefined()
  })
})

test('NATS gets the permissions of every deployment, after a password for each user', async () => {
  await handOutSecrets(options)
  const { 'nats-server.conf': config = '' } = await given('nats')
  const shared = (await readFile(natsConfigFile, 'utf8')).trim()
  expect(config.endsWith(shared)).toBe(true)
  const [folder, ...lines] = config.slice(0, -shared.length).trim().split('\n')
  expect(folder).toBe('NATS_STORE_DIR: "/data"')
  expect(lines).toHaveLength(5)
  for (const line of lines) expect(line).toMatch(/^NATS_[A-Z]+_PASSWORD: p[0-9a-f]{48}$/)
})
