import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { endStaleChildren, noteChild } from '../src/child-records.ts'
import { processIdentity } from '../src/process-identity.ts'
import { startProcess } from '../src/server-process.ts'
import { type Running, supervise } from '../src/supervise.ts'
import { temporaryFolder } from './temporary-folder.ts'

const pause = { first: 1, longest: 4 }

async function sleeper(): Promise<Running> {
  const { pid, exited, stop } = await startProcess({ program: '/bin/sleep', args: ['600'], env: {} })
  return { pid, exited, stop: () => stop([['SIGTERM', 2_000]]) }
}

test('a process that is killed is started again, and said so', async () => {
  const said: string[] = []
  const pids: number[] = []
  const onStart = ({ pid }: Running) => Promise.resolve(void pids.push(pid))
  const supervised = await supervise({
    name: 'sleeper',
    start: sleeper,
    say: (line) => said.push(line),
    onStart,
    pause,
  })
  process.kill(pids[0]!, 'SIGKILL')
  await expect.poll(() => pids.length).toBe(2)
  await expect.poll(() => said).toEqual(['sleeper was killed; starting it again in 0.001 s', 'sleeper runs again'])
  await supervised.stop()
  expect(await processIdentity(pids[1]!)).toBeUndefined()
})

test('pauses grow up to the longest', async () => {
  const said: string[] = []
  const start = () => Promise.resolve({ pid: 1, exited: Promise.resolve(3), stop: () => Promise.resolve() })
  const supervised = await supervise({ name: 'flaky', start, say: (line) => said.push(line), pause })
  await expect.poll(() => said.length).toBeGreaterThan(8)
  await supervised.stop()
  const pauses = said
    .filter((line) => line.includes('ended with code 3'))
    .map((line) => /again in (.*) s/.exec(line)?.[1])
  expect(pauses.slice(0, 4)).toEqual(['0.001', '0.002', '0.004', '0.004'])
})

test('a restart that fails is tried again', async () => {
  let attempts = 0
  const said: string[] = []
  const start = async () => {
    attempts += 1
    if (attempts === 2) throw new Error('no port')
    return attempts === 1 ? { pid: 1, exited: Promise.resolve(1), stop: () => Promise.resolve() } : sleeper()
  }
  const supervised = await supervise({ name: 'thing', start, say: (line) => said.push(line), pause })
  await expect.poll(() => said.at(-1)).toBe('thing runs again')
  expect(said).toContain('thing: no port')
  await supervised.stop()
})

test('the first start that fails is an error', async () => {
  const start = () => Promise.reject(new Error('no such thing'))
  await expect(supervise({ name: 'thing', start, say: () => undefined })).rejects.toThrow('no such thing')
})

test('what a killed supervisor left running is ended; a process that only has the same id is not', async () => {
  const folder = join(await temporaryFolder(), 'processes')
  await mkdir(folder)
  const left = await sleeper()
  const stranger = await sleeper()
  await noteChild(folder, 'left', left.pid)
  await writeFile(join(folder, 'stranger.json'), JSON.stringify({ pid: stranger.pid, identity: 'an earlier process' }))
  expect(await endStaleChildren(folder)).toEqual(['left'])
  expect(await processIdentity(left.pid)).toBeUndefined()
  expect(await processIdentity(stranger.pid)).toBeDefined()
  expect(await endStaleChildren(folder)).toEqual([])
  await stranger.stop()
})
