import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import postgres from 'postgres'
import { expect, onTestFinished, test } from 'vitest'
import type { Credentials } from '../src/credentials.ts'
import { freePort } from '../src/free-port.ts'
import { homeAt } from '../src/home.ts'
import { processIdentity } from '../src/process-identity.ts'
import { startStack } from '../src/stack.ts'
import { temporaryFolder } from './temporary-folder.ts'

const appMain = () => fileURLToPath(new URL('dummy-app/src/main.ts', import.meta.url))

interface TestStack {
  url: string
  said: string[]
  stop: () => Promise<void>
}

async function start(folder: string, port: number): Promise<TestStack> {
  const said: string[] = []
  const undoing: (() => Promise<void>)[] = []
  const stop = async () => {
    for (const step of undoing.splice(0).reverse()) await step()
  }
  onTestFinished(stop)
  const { signal } = new AbortController()
  const options = {
    home: homeAt(folder),
    port,
    appMain,
    user: {},
    signal,
  }
  const url = await startStack({ ...options, say: (line) => void said.push(line) }, (step) => undoing.push(step))
  return { url, said, stop }
}

async function pidOf(folder: string, name: string): Promise<number> {
  const record = JSON.parse(await readFile(join(folder, 'processes', `${name}.json`), 'utf8')) as { pid: number }
  return record.pid
}

async function credentialsOf(folder: string): Promise<Credentials> {
  return JSON.parse(await readFile(join(folder, 'credentials.json'), 'utf8')) as Credentials
}

const names = ['audit', 'auth', 'gateway', 'memory', 'nats', 'postgres']

test('a stack starts, keeps what it made, refuses a second one in its home, and leaves no process behind', async () => {
  const folder = join(await temporaryFolder(), 'home')
  const port = await freePort()
  const stack = await start(folder, port)
  expect(stack.url).toBe(`http://127.0.0.1:${port}`)
  const credentials = await credentialsOf(folder)
  const pids = await Promise.all(names.map((name) => pidOf(folder, name)))
  await expect(start(folder, await freePort())).rejects.toThrow('already runs')
  await stack.stop()
  expect(await Promise.all(pids.map(processIdentity))).toEqual(names.map(() => undefined))
  expect(await readdir(join(folder, 'processes'))).toEqual([])

  const again = await start(folder, port)
  expect(await credentialsOf(folder)).toEqual(credentials)
  expect(again.said).not.toContainEqual(expect.stringContaining('first tenant'))
  const sql = postgres(credentials.postgres_url, { max: 1 })
  const databases = await sql`select datname from pg_database where datname like 'memoric_%' order by datname`
  expect(databases.map(({ datname }) => datname as string)).toEqual(['memoric_audit', 'memoric_auth', 'memoric_memory'])
  await sql.end()
})

test('whatever is killed is started again, on the same port', async () => {
  const folder = join(await temporaryFolder(), 'home')
  const stack = await start(folder, await freePort())
  for (const name of names) {
    const before = await pidOf(folder, name)
    process.kill(before, 'SIGKILL')
    await expect.poll(() => stack.said, { timeout: 20_000 }).toContain(`${name} runs again`)
    expect(await pidOf(folder, name)).not.toBe(before)
  }
  const sql = postgres((await credentialsOf(folder)).postgres_url, { max: 1 })
  expect(await sql`select 1 as one`).toEqual([{ one: 1 }])
  await sql.end()
  await expect
    .poll(() =>
      fetch(`${stack.url}/ready`).then(
        (response) => response.ok,
        () => false,
      ),
    )
    .toBe(true)
})

test('an app that cannot start fails the start with the end of its log', async () => {
  const folder = join(await temporaryFolder(), 'home')
  const undoing: (() => Promise<void>)[] = []
  const options = { home: homeAt(folder), port: await freePort(), user: {}, say: () => undefined }
  const starting = startStack(
    { ...options, appMain: () => '/nowhere/main.ts', signal: new AbortController().signal },
    (step) => undoing.push(step),
  )
  await expect(starting).rejects.toThrow(/does not start[^]*Cannot find module '\/nowhere\/main.ts'/)
  for (const step of undoing.reverse()) await step()
  expect(await readdir(join(folder, 'processes'))).toEqual([])
})
