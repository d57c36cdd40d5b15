import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { processIdentity } from '../src/process-identity.ts'
import { startProcess } from '../src/server-process.ts'

test('a child inherits nothing but what it is given', async () => {
  const lines: string[] = []
  const child = await startProcess({
    program: '/usr/bin/env',
    args: [],
    env: { ONLY: 'this' },
    log: (line) => lines.push(line),
  })
  expect(await child.exited).toBe(0)
  await expect.poll(() => lines).toEqual(['ONLY=this'])
})

test('a program that is not there is an error', async () => {
  await expect(startProcess({ program: '/nowhere/at-all', args: [], env: {} })).rejects.toThrow('/nowhere/at-all')
})

test('a child that ignores SIGTERM is killed', async () => {
  const script = 'trap "" TERM; echo ready; while :; do sleep 0.05; done'
  const ready = Promise.withResolvers<string>()
  const child = await startProcess({ program: '/bin/sh', args: ['-c', script], env: {}, log: ready.resolve })
  await ready.promise
  await child.stop([['SIGTERM', 100]])
  expect(await child.exited).toBeNull()
  expect(child.running()).toBe(false)
})

test('a child ends when its parent is killed', async () => {
  const module = fileURLToPath(new URL('../src/server-process.ts', import.meta.url))
  const script = `
    const { startProcess } = await import(${JSON.stringify(module)})
    const child = await startProcess({ program: '/bin/sleep', args: ['60'], env: {} })
    process.stdout.write(String(child.pid))
    setInterval(() => undefined, 1000)`
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [data] = (await once(parent.stdout, 'data')) as [Buffer]
  const pid = Number(data.toString())
  expect(await processIdentity(pid)).toBeDefined()
  parent.kill('SIGKILL')
  await expect.poll(() => processIdentity(pid)).toBeUndefined()
})
