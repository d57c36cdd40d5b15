import { randomUUID } from 'node:crypto'
import type { Caller } from '@memoric/contracts/caller.ts'
import type { KeyRotation } from '@memoric/contracts/key-contract.ts'
import { expect, test } from 'vitest'
import { runMemoryOperator } from '../src/operator/run-memory-operator.ts'
import { processSettings } from './memory-settings.ts'
import { rememberMany } from './stored-segments.ts'
import { call, newCaller, remember, useMemory } from './use-memory.ts'

const memory = useMemory()

async function rotate({ tenantId }: Caller, ...subject: string[]) {
  const [out, err]: [string[], string[]] = [[], []]
  let shown = ''
  const env = { ...processSettings, ...memory.settings() }
  const screen = { isTTY: true, write: (text: string) => (shown += text) }
  const around = { env, screen, out: (line: string) => out.push(line), err: (line: string) => err.push(line) }
  const code = await runMemoryOperator(['keys', 'rotate', tenantId, ...subject], around)
  return { code, out, err, shown }
}

const subjectVersions = async ({ tenantId }: Caller) =>
  (await memory.admin<{ version: number }[]>`select version from subject_keys where tenant_id = ${tenantId}`).map(
    ({ version }) => version,
  )

test('the key of a subject is replaced before the command ends, and the bar is full', async () => {
  const caller = newCaller()
  const [first] = await rememberMany(memory.app, caller, 450)
  const { code, out, shown } = await rotate(caller, 'ada')
  expect([code, out]).toEqual([0, ['The key has version 2; memories sealed anew: 450']])
  expect(shown).toMatch(/450\/450\n$/)
  expect(await subjectVersions(caller)).toEqual([2])
  const { body } = await call(memory.app, caller, 'GET', `/v1/memories/${first!.id}`)
  expect(body.content).toBe(first!.content)
  const [event] = (await memory.events('key.rotation_started')).filter(({ tenantid }) => tenantid === caller.tenantId)
  expect(event?.actor).toMatch(/^operator:/)
})

test('the key of a tenant too', async () => {
  const caller = newCaller()
  for (const subject_id of ['ada', 'bob']) await remember(memory.app, caller, { content: 'x', subject_id })
  expect(await rotate(caller)).toMatchObject({ code: 0, out: ['The key has version 2; keys wrapped anew: 2'] })
  const rows = await memory.admin`select version from tenant_keys where tenant_id = ${caller.tenantId}`
  expect(rows.map(({ version }) => version as number)).toEqual([2])
})

test('one that runs already, left behind by a process that died, is gone on with', async () => {
  const caller = newCaller()
  await rememberMany(memory.app, caller, 300)
  await memory.deps.rotations.close()
  const started = await call<KeyRotation>(memory.app, caller, 'POST', '/v1/keys/rotations', { subject_id: 'ada' })
  const { code, out } = await rotate(caller, 'ada')
  expect([code, out]).toEqual([
    0,
    ['A rotation of this key runs already; this goes on with it.', 'The key has version 2; memories sealed anew: 300'],
  ])
  const { body } = await call<KeyRotation>(memory.app, caller, 'GET', `/v1/keys/rotations/${started.body.id}`)
  expect(body.state).toBe('done')
})

test('a tenant or a subject that is not there gets no key', async () => {
  const nobody = newCaller()
  expect(await rotate(nobody)).toMatchObject({ code: 1, err: [expect.stringContaining('nothing was ever stored')] })
  expect(await memory.admin`select 1 from tenant_keys where tenant_id = ${nobody.tenantId}`).toHaveLength(0)
  const caller = newCaller()
  await remember(memory.app, caller, { content: 'x', subject_id: 'ada' })
  expect(await rotate(caller, `nobody ${randomUUID()}`)).toMatchObject({ code: 1, err: ['There is no such subject.'] })
})
