import type { Quotas } from '@memoric/contracts/quota-contract.ts'
import { expect, test } from 'vitest'
import { runMemoryOperator } from '../src/operator/run-memory-operator.ts'
import { processSettings } from './memory-settings.ts'
import { call, newCaller, remember, useMemory } from './use-memory.ts'

const memory = useMemory({ QUOTA_SUBJECT_MEMORIES: '7' })

async function run(...args: string[]): Promise<{ code: number; out: string[]; err: string[] }> {
  const [out, err]: [string[], string[]] = [[], []]
  const env = { ...processSettings, ...memory.settings() }
  const code = await runMemoryOperator(args, { env, out: (line) => out.push(line), err: (line) => err.push(line) })
  return { code, out, err }
}

test('shows and sets the quotas of a tenant; what is not named stays, and the log tells who did it', async () => {
  const caller = newCaller()
  const { tenantId } = caller
  await remember(memory.app, caller, { content: 'tea' })
  const shown = await run('quota', 'show', tenantId)
  expect(shown.out[0]).toMatch(/^tenant: 1 of 10000000 memories, \d+ of 107374182400 bytes$/)
  expect(shown.out[1]).toBe('each subject: 7 memories, 10737418240 bytes')
  expect((await run('quota', 'set', tenantId, '--memories', '5', '--subject-bytes', '1000')).code).toBe(0)
  const changed = await run('quota', 'set', tenantId, '--memories=2', '--subject-memories', '3')
  expect(changed.out.map((line) => line.replaceAll(/\d+ of 10737/g, 'n of 10737'))).toEqual([
    'tenant: 1 of 2 memories, n of 107374182400 bytes',
    'each subject: 3 memories, 1000 bytes',
  ])
  await run('quota', 'set', tenantId, '--subject-memories', 'default')
  expect((await run('quota', 'show', tenantId)).out[1]).toBe('each subject: 7 memories, 1000 bytes')
  const events = (await memory.events('quota.changed')).filter(({ tenantid }) => tenantid === tenantId)
  expect(events.map(({ actor }) => actor.startsWith('operator:'))).toEqual([true, true, true])
  expect(events[1]?.data.details).toMatchObject({
    before: { memories: 5 },
    after: { memories: 2, subject_memories: 3 },
  })
})

test('a running service takes new quotas from then on', async () => {
  const caller = newCaller()
  await run('quota', 'set', caller.tenantId, '--memories', '1')
  await remember(memory.app, caller, { content: 'one' })
  expect((await remember(memory.app, caller, { content: 'two' })).status).toBe(429)
  const { body } = await call<Quotas>(memory.app, caller, 'GET', '/v1/quotas')
  expect(body.tenant?.memories).toEqual({ used: 1, limit: 1 })
})

test('says what is wrong with a command', async () => {
  const { tenantId } = newCaller()
  for (const args of [
    ['quota'],
    ['quota', 'show'],
    ['quota', 'show', 'x'],
    ['quota', 'show', tenantId, 'more'],
    ['quota', 'show', tenantId, '--memories', '1'],
    ['quota', 'set', tenantId],
    ['quota', 'set', tenantId, '--memories', '-1'],
    ['quota', 'set', tenantId, '--memories', '1.5'],
    ['quota', 'set', tenantId, '--memories', '99999999999999999'],
    ['quota', 'set', tenantId, '--colour', '1'],
  ]) {
    expect((await run(...args)).code, args.join(' ')).toBe(2)
  }
})
