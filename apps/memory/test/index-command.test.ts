import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { runMemoryOperator } from '../src/operator/run-memory-operator.ts'
import { processSettings } from './memory-settings.ts'
import { placeOf, rememberMany, storedRows } from './stored-segments.ts'
import { newCaller, remember, useMemory } from './use-memory.ts'

const memory = useMemory()

async function run(...args: string[]): Promise<{ code: number; out: string[]; err: string[] }> {
  const [out, err]: [string[], string[]] = [[], []]
  const env = { ...processSettings, ...memory.settings() }
  const code = await runMemoryOperator(args, { env, out: (line) => out.push(line), err: (line) => err.push(line) })
  return { code, out, err }
}

test('rebuilds the index of one subject, or of all, and the log says who asked', async () => {
  const caller = newCaller()
  await rememberMany(memory.app, caller, 200)
  await memory.deps.indexes.store(placeOf(caller))
  await remember(memory.app, caller, { content: 'x', subject_id: 'bob' })
  const [before] = await storedRows(memory, placeOf(caller))
  expect(await run('index', 'rebuild', caller.tenantId, 'ada')).toEqual({
    code: 0,
    out: ['ada: built anew', '1 subject'],
    err: [],
  })
  const [after] = await storedRows(memory, placeOf(caller))
  expect(after?.segment_id).not.toBe(before?.segment_id)
  expect((await run('index', 'rebuild', caller.tenantId)).out).toEqual([
    'ada: built anew',
    'bob: built anew',
    '2 subjects',
  ])
  const events = await memory.events('index.rebuilt')
  expect(events.map(({ actor }) => actor.startsWith('operator:'))).toEqual([true, true, true])
})

test('says what is wrong with a command, and ends with a code for it', async () => {
  const { tenantId } = newCaller()
  for (const args of [
    [],
    ['index'],
    ['index', 'rebuild'],
    ['index', 'rebuild', 'x'],
    ['index', 'rebuild', tenantId, 'a', 'b'],
  ]) {
    expect((await run(...args)).code).toBe(2)
  }
  expect(await run('index', 'rebuild', tenantId, 'nobody')).toMatchObject({
    code: 1,
    err: ['There is no such subject.'],
  })
  expect((await run('index', 'rebuild', tenantId)).out).toEqual(['0 subjects'])
  expect((await run('help')).code).toBe(0)
})

test('runs as a program, and tells when the database is away', async () => {
  const program = fileURLToPath(new URL('../src/operator/main.ts', import.meta.url))
  const start = (more: Record<string, string>, ...args: string[]) => {
    const env = { ...processSettings, ...memory.settings(), ...more }
    return promisify(execFile)(process.execPath, [program, ...args], { env })
  }
  const { tenantId } = newCaller()
  expect((await start({}, 'index', 'rebuild', tenantId)).stdout).toBe('0 subjects\n')
  const away = start({ DATABASE_URL: 'postgres://a:b@127.0.0.1:9/x' }, 'index', 'rebuild', tenantId)
  await expect(away).rejects.toMatchObject({ code: 3 })
})
