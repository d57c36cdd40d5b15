import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import postgres from 'postgres'
import { expect, inject, onTestFinished, test } from 'vitest'
import { natsConfigFile, natsPasswordVariables } from '../src/nats-config.ts'
import { processIdentity } from '../src/process-identity.ts'
import { startNats } from '../src/start-nats.ts'
import { startPostgres } from '../src/start-postgres.ts'
import { temporaryFolder } from './temporary-folder.ts'

const settings = { fsync: 'off' }

async function ask(url: string): Promise<unknown> {
  const sql = postgres(url, { max: 1, connect_timeout: 5, onnotice: () => undefined })
  try {
    return await sql`select current_user as role, current_setting('listen_addresses') as address`
  } finally {
    await sql.end()
  }
}

test('PostgreSQL starts below a closed folder, listens here only, asks for the password, and stops', async () => {
  const dataDir = join(await temporaryFolder(), 'closed', 'postgres')
  await mkdir(join(dataDir, '..'), { mode: 0o700 })
  const server = await startPostgres({ dataDir, port: 0, password: 'secret1', settings })
  expect(await ask(server.adminUrl)).toEqual([{ role: 'postgres', address: '127.0.0.1' }])
  await expect(ask(server.adminUrl.replace('secret1', 'secret2'))).rejects.toMatchObject({ code: '28P01' })
  expect((await stat(dataDir)).mode & 0o777).toBe(0o700)
  expect(await readdir(dataDir)).toEqual(['cluster'])
  await server.stop()
  expect(await server.exited).toBe(0)
})

test('PostgreSQL starts after a kill, and beside a postmaster.pid that names somebody else', async () => {
  const dataDir = join(await temporaryFolder(), 'postgres')
  const options = { dataDir, port: 0, password: 'secret1', settings }
  const first = await startPostgres(options)
  first.signal('SIGKILL')
  await first.exited
  const pidFile = join(dataDir, 'cluster', 'postmaster.pid')
  await writeFile(pidFile, (await readFile(pidFile, 'utf8')).replace(/^\d+/, String(process.pid)))
  const second = await startPostgres(options)
  expect(await ask(second.adminUrl)).toHaveLength(1)
  await second.stop()
})

test('a PostgreSQL that was left running on the folder is stopped first', async () => {
  const dataDir = join(await temporaryFolder(), 'postgres')
  const options = { dataDir, port: 0, password: 'secret1', settings }
  const left = await startPostgres(options)
  const next = await startPostgres(options)
  expect(await left.exited).toBe(0)
  expect(await ask(next.adminUrl)).toHaveLength(1)
  await next.stop()
})

test('PostgreSQL that cannot start says why', async () => {
  const dataDir = join(await temporaryFolder(), 'postgres')
  const wrong = { dataDir, port: 0, password: 'secret1', settings: { shared_buffers: 'plenty' } }
  await expect(startPostgres(wrong)).rejects.toThrow('shared_buffers')
})

const passwords = { audit: 'p1', auth: 'p2', memory: 'p3', gateway: 'p4', admin: 'p5' }

test('NATS starts on a free port with the real configuration, and stops', async () => {
  const storeDir = await temporaryFolder()
  const env = natsPasswordVariables(passwords)
  const program = inject('natsServerProgram')
  const server = await startNats({ program, configFile: natsConfigFile, storeDir, port: 0, env })
  expect(await firstLine(server.port)).toMatch(/^INFO .*"auth_required":true.*"jetstream":true/)
  await server.stop()
  expect(await processIdentity(server.pid)).toBeUndefined()
})

test('NATS that lacks a password says so', async () => {
  const storeDir = await temporaryFolder()
  const program = inject('natsServerProgram')
  const options = { program, configFile: natsConfigFile, storeDir, port: 0, env: {} }
  await expect(startNats(options)).rejects.toThrow('NATS_AUDIT_PASSWORD')
})

function firstLine(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    socket.once('data', (data) => resolve(data.toString())).once('error', reject)
  })
}
