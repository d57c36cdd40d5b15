import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { hashServiceKeySecret, parseServiceKey } from '@memoric/crypto/service-key.ts'
import { readFirstTenant } from '@memoric/setup/first-tenant.ts'
import { secretFile } from '@memoric/setup/secrets.ts'
import { describe, expect, onTestFinished, test } from 'vitest'
import { choosePorts } from '../src/choose-ports.ts'
import { writeCredentials } from '../src/credentials.ts'
import { freePort } from '../src/free-port.ts'
import { greeting } from '../src/greeting.ts'
import { type Home, homeAt, makeHome } from '../src/home.ts'
import { lockHome } from '../src/home-lock.ts'
import { loadHomeSecrets } from '../src/home-secrets.ts'
import { lastLines, logLines, trimLogs } from '../src/log-file.ts'
import { temporaryFolder } from './temporary-folder.ts'

async function newHome(): Promise<Home> {
  const home = homeAt(join(await temporaryFolder(), 'home'))
  await makeHome(home)
  return home
}

async function mode(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8)
}

describe('a home', () => {
  test('is closed to everybody else', async () => {
    const home = await newHome()
    for (const folder of [home.path, home.secrets, home.logs, home.nats, home.mail, home.processes])
      expect(await mode(folder)).toBe('700')
  })

  test('is used by one stack at a time', async () => {
    const home = await newHome()
    const release = await lockHome(home)
    await expect(lockHome(home)).rejects.toThrow(`already runs in ${home.path} (process ${process.pid})`)
    await release()
    await (
      await lockHome(home)
    )()
    expect(await readdir(home.path)).not.toContain('supervisor.json')
  })

  test('is taken over from a supervisor that is gone, even if its id is in use again', async () => {
    const home = await newHome()
    await writeFile(home.lock, JSON.stringify({ pid: process.pid, identity: 'an earlier process' }))
    await (
      await lockHome(home)
    )()
    await writeFile(home.lock, 'damaged')
    await (
      await lockHome(home)
    )()
  })

  test('goes to one of two that start at the same moment', async () => {
    const home = await newHome()
    const outcomes = await Promise.allSettled([lockHome(home), lockHome(home), lockHome(home)])
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })
})

describe('secrets', () => {
  test('are random, kept, and readable by their owner only', async () => {
    const home = await newHome()
    const first = await loadHomeSecrets(home)
    expect(await loadHomeSecrets(home)).toEqual(first)
    expect(await loadHomeSecrets(await newHome())).not.toEqual(first)
    for (const name of await readdir(home.secrets)) expect(await mode(join(home.secrets, name))).toBe('600')
  })

  test('include a key of 32 bytes for each app, each its own', async () => {
    const home = await newHome()
    await loadHomeSecrets(home)
    const names = ['auth', 'memory', 'audit'].map((app) => `${app}-encryption.key`)
    const keys = await Promise.all(names.map((name) => readFile(secretFile(home.secrets, name), 'utf8')))
    expect(keys.map((key) => Buffer.from(key, 'base64').length)).toEqual([32, 32, 32])
    expect(new Set(keys).size).toBe(3)
  })

  test('let the gateway in where its key is known by hash', async () => {
    const home = await newHome()
    await loadHomeSecrets(home)
    for (const app of ['auth', 'memory', 'audit']) {
      const key = parseServiceKey((await readFile(secretFile(home.secrets, `gateway-to-${app}.key`), 'utf8')).trim())
      const text = await readFile(secretFile(home.secrets, `${app}-service-keys.json`), 'utf8')
      expect(JSON.parse(text)).toEqual({ gateway: [hashServiceKeySecret(key!.secret).toString('hex')] })
    }
  })

  test('a lost key is never made anew beside data that needs it', async () => {
    const home = await newHome()
    await loadHomeSecrets(home)
    await rm(secretFile(home.secrets, 'memory-encryption.key'))
    await writeFile(home.postgres, '').catch(() => undefined)
    await rm(home.postgres)
    await makeCluster(home)
    await expect(loadHomeSecrets(home)).rejects.toThrow('memory-encryption.key is missing')
  })

  async function makeCluster(home: Home): Promise<void> {
    await makeHome({ ...homeAt(home.path), logs: join(home.postgres, 'cluster') })
  }
})

describe('ports', () => {
  test('stay the same while they are free, and are never shared', async () => {
    const file = join(await temporaryFolder(), 'ports.json')
    const gateway = await freePort()
    const first = await choosePorts(file, gateway)
    expect(await choosePorts(file, gateway)).toEqual(first)
    expect(new Set(Object.values(first)).size).toBe(6)
    await occupy(first.memory)
    const second = await choosePorts(file, gateway)
    expect({ ...second, memory: 0 }).toEqual({ ...first, memory: 0 })
    expect(second.memory).not.toBe(first.memory)
  })

  test('a gateway port that is in use is said so', async () => {
    const port = await freePort()
    await occupy(port)
    await expect(choosePorts(join(await temporaryFolder(), 'ports.json'), port)).rejects.toThrow(
      `Port ${port} is in use`,
    )
  })

  async function occupy(port: number): Promise<void> {
    const server = createServer().listen(port, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
  }
})

describe('credentials', () => {
  const tenant = { tenant_id: 't', email: 'e', password: 'p', api_key: 'mk_local_x' }

  test('are closed to everybody else and can be read again', async () => {
    const home = await newHome()
    expect(await readFirstTenant(home.credentials)).toBeUndefined()
    await writeCredentials(home, { ...tenant, url: 'u', postgres_url: 'p', nats_url: 'n' })
    expect(await readFirstTenant(home.credentials)).toEqual(tenant)
    expect([await mode(home.credentials), await mode(home.apiKeyHeader)]).toEqual(['600', '600'])
  })

  test('that are damaged are said to be', async () => {
    const home = await newHome()
    await writeFile(home.credentials, '{"url":')
    await expect(readFirstTenant(home.credentials)).rejects.toThrow('credentials.json is damaged')
  })

  test('the greeting shows commands, not the key', () => {
    const text = greeting('http://127.0.0.1:3456', homeAt('/somewhere/else here/.memoric'), '/work')
    expect(text).toContain(`-H @'/somewhere/else here/.memoric/api-key.header'`)
    expect(text).toContain('http://127.0.0.1:3456/v1/memories/search')
    expect(text).not.toContain('mk_')
  })
})

test('a log that has grown is put aside once', async () => {
  const folder = await temporaryFolder()
  const log = logLines(folder, 'app')
  log('first')
  await trimLogs(folder, 3)
  log('second')
  expect(await lastLines(folder, 'app')).toBe('second')
  expect(await readFile(join(folder, 'app.log.old'), 'utf8')).toBe('first\n')
})
