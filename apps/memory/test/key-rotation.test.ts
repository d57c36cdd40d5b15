import { randomBytes } from 'node:crypto'
import type { Caller } from '@memoric/contracts/caller.ts'
import type { KeyRotation } from '@memoric/contracts/key-contract.ts'
import { describe, expect, test } from 'vitest'
import { rewrapInBackground } from '../src/keys/rewrap-tenant-keys.ts'
import { processSettings } from './memory-settings.ts'
import { call, newCaller, remember, type TestProcess, useMemory } from './use-memory.ts'

const memory = useMemory()

interface ProblemBody {
  readonly code: string
}

async function rotate(process: TestProcess, caller: Caller, body: object = {}): Promise<string> {
  const answer = await call<KeyRotation>(process.app, caller, 'POST', '/v1/keys/rotations', body)
  expect(answer.status).toBe(202)
  return answer.body.id
}

async function finished(process: TestProcess, caller: Caller, id: string): Promise<KeyRotation> {
  const read = async () => (await call<KeyRotation>(process.app, caller, 'GET', `/v1/keys/rotations/${id}`)).body
  await expect.poll(async () => (await read()).state, { timeout: 20_000 }).toBe('done')
  return read()
}

async function rememberMany(process: TestProcess, caller: Caller, subject: string, count: number): Promise<string[]> {
  const items = Array.from({ length: count }, (_, n) => ({ content: `thing ${n} of ${subject}`, subject_id: subject }))
  const path = '/v1/memories/batch'
  const answer = await call<{ items: { memory: { id: string } }[] }>(process.app, caller, 'POST', path, { items })
  return answer.body.items.map((item) => item.memory.id)
}

const contentOf = async (process: TestProcess, caller: Caller, id: string) =>
  (await call(process.app, caller, 'GET', `/v1/memories/${id}`)).body.content

const tenantVersions = async (tenantId: string) =>
  (await memory.admin<{ version: number }[]>`select version from tenant_keys where tenant_id = ${tenantId}`).map(
    ({ version }) => version,
  )

describe('the key of a tenant', () => {
  test('is replaced, and the old one destroyed, while everything stays readable in every process', async () => {
    const [caller, other] = [newCaller(), await memory.startAnother()]
    const { body: one } = await remember(memory.app, caller, { content: 'before', subject_id: 'ada' })
    expect(await contentOf(other, caller, one.id)).toBe('before')
    await remember(memory.app, caller, { content: 'too', subject_id: 'bob' })
    const done = await finished(memory, caller, await rotate(memory, caller))
    expect(done).toMatchObject({ subject_id: null, to_version: 2, total: 2, done: 2 })
    expect(await tenantVersions(caller.tenantId)).toEqual([2])
    for (const process of [memory, other]) {
      expect(await contentOf(process, caller, one.id)).toBe('before')
      const { body } = await remember(process.app, caller, {
        content: 'after',
        subject_id: `of ${process === memory ? 1 : 2}`,
      })
      expect(await contentOf(memory, caller, body.id)).toBe('after')
    }
  })

  test('is rotated again, once for each time that it is asked for', async () => {
    const caller = newCaller()
    await remember(memory.app, caller, { content: 'x' })
    for (const version of [2, 3]) {
      const { to_version } = await finished(memory, caller, await rotate(memory, caller))
      expect(to_version).toBe(version)
    }
    expect(await tenantVersions(caller.tenantId)).toEqual([3])
  })

  test('of many requests at once one begins, the others are told that it runs', async () => {
    const caller = newCaller()
    for (const subject of Array.from({ length: 12 }, (_, n) => `s${n}`)) {
      await remember(memory.app, caller, { content: 'x', subject_id: subject })
    }
    const answers = await Promise.all(
      Array.from({ length: 8 }, () =>
        call<KeyRotation & ProblemBody>(memory.app, caller, 'POST', '/v1/keys/rotations', {}),
      ),
    )
    const refused = answers.filter(({ status }) => status !== 202)
    expect(refused.every(({ status, body }) => status === 409 && body.code === 'key_rotation_running')).toBe(true)
    for (const { body } of answers.filter(({ status }) => status === 202)) await finished(memory, caller, body.id)
    expect(await tenantVersions(caller.tenantId)).toHaveLength(1)
  })
})

describe('the key of a subject', () => {
  const versionsOf = async (tenantId: string) =>
    (await memory.admin<{ version: number }[]>`select version from subject_keys where tenant_id = ${tenantId}`).map(
      ({ version }) => version,
    )

  test('is replaced: memories and their history are sealed anew, and the old key is destroyed', async () => {
    const caller = newCaller()
    const ids = await rememberMany(memory, caller, 'ada', 450)
    await call(memory.app, caller, 'PATCH', `/v1/memories/${ids[7]!}`, { content: 'changed' })
    const before = await memory.admin<
      { sealed: Buffer }[]
    >`select sealed from memories where tenant_id = ${caller.tenantId}`
    const done = await finished(memory, caller, await rotate(memory, caller, { subject_id: 'ada' }))
    expect(done).toMatchObject({ subject_id: 'ada', to_version: 2, total: 450, done: 450 })
    expect(await versionsOf(caller.tenantId)).toEqual([2])
    const after = await memory.admin<
      { sealed: Buffer }[]
    >`select sealed from memories where tenant_id = ${caller.tenantId}`
    const boxes = new Set(before.map(({ sealed }) => sealed.toString('hex')))
    expect(after.some(({ sealed }) => boxes.has(sealed.toString('hex')))).toBe(false)
    const other = await memory.startAnother()
    expect(await contentOf(other, caller, ids[449]!)).toBe('thing 449 of ada')
    const history = await call<{ items: { content: string }[] }>(
      other.app,
      caller,
      'GET',
      `/v1/memories/${ids[7]!}/history`,
    )
    expect(history.body.items.map(({ content }) => content)).toContain('thing 7 of ada')
  })

  test('still knows what was stored before when it is stored again', async () => {
    const caller = newCaller()
    const { body } = await remember(memory.app, caller, { content: 'known', subject_id: 'ada' })
    await finished(memory, caller, await rotate(memory, caller, { subject_id: 'ada' }))
    await finished(memory, caller, await rotate(memory, caller, { subject_id: 'ada' }))
    const again = await remember(memory.app, caller, { content: 'known', subject_id: 'ada' })
    expect([again.status, again.body.id, again.body.seen_count]).toEqual([200, body.id, 2])
  })

  test('is rotated under the writes of two processes, and every acknowledged one can be read', async () => {
    const [caller, other] = [newCaller(), await memory.startAnother()]
    await rememberMany(memory, caller, 'ada', 300)
    let writing = true
    const written = new Map<string, string>()
    const write = async (process: TestProcess, name: string) => {
      for (let n = 0; writing; n++) {
        const content = `${name} ${n}`
        const { status, body } = await remember(process.app, caller, { content, subject_id: 'ada' })
        expect(status).toBe(201)
        const changed = await call(process.app, caller, 'PATCH', `/v1/memories/${body.id}`, { content: `${content}!` })
        expect(changed.status).toBe(200)
        written.set(body.id, `${content}!`)
      }
    }
    const writers = [write(memory, 'one'), write(other, 'two')]
    for (let round = 0; round < 3; round++) {
      await finished(memory, caller, await rotate(other, caller, { subject_id: 'ada' }))
    }
    writing = false
    await Promise.all(writers)
    const fresh = await memory.startAnother()
    for (const [id, content] of written) {
      for (const process of [memory, other, fresh]) expect(await contentOf(process, caller, id)).toBe(content)
    }
    expect(written.size).toBeGreaterThan(5)
    expect(await versionsOf(caller.tenantId)).toEqual([4])
  })

  test('goes on in another process when the one that began it has stopped', async () => {
    const [caller, other] = [newCaller(), await memory.startAnother()]
    const ids = await rememberMany(memory, caller, 'ada', 500)
    const id = await rotate(other, caller, { subject_id: 'ada' })
    await other.deps.rotations.close()
    memory.deps.rotations.wake()
    await finished(memory, caller, id)
    expect(await contentOf(memory, caller, ids[0]!)).toBe('thing 0 of ada')
  })

  test('does not wait for that of a subject of which a row is damaged', async () => {
    const [damaged, caller] = [newCaller(), newCaller()]
    const { body: broken } = await remember(memory.app, damaged, { content: 'x', subject_id: 'ada' })
    await remember(memory.app, caller, { content: 'y', subject_id: 'ada' })
    await memory.admin`update memories set sealed = set_byte(sealed, 70, 1 # get_byte(sealed, 70)) where id = ${broken.id}`
    const stopped = await rotate(memory, damaged, { subject_id: 'ada' })
    await finished(memory, caller, await rotate(memory, caller, { subject_id: 'ada' }))
    expect((await call(memory.app, damaged, 'DELETE', `/v1/memories/${broken.id}`)).status).toBe(204)
    memory.deps.rotations.wake()
    await finished(memory, damaged, stopped)
  })

  test('is not there when the subject is not', async () => {
    const answer = await call<ProblemBody>(memory.app, newCaller(), 'POST', '/v1/keys/rotations', {
      subject_id: 'nobody',
    })
    expect([answer.status, answer.body.code]).toEqual([404, 'subject_not_found'])
  })
})

test('a rotation is told of when it begins and when it has ended', async () => {
  const caller = newCaller()
  await remember(memory.app, caller, { content: 'x', subject_id: 'ada' })
  const id = await rotate(memory, caller, { subject_id: 'ada' })
  await finished(memory, caller, id)
  const types = ['key.rotation_started', 'key.rotated']
  for (const type of types) {
    const [event] = (await memory.events(type)).filter(({ tenantid }) => tenantid === caller.tenantId)
    expect(event?.data).toMatchObject({ resource_id: id, details: { subject_id: 'ada', to_version: 2 } })
  }
})

test('a credential with limits rotates nothing beyond them, and sees no rotation of others', async () => {
  const caller = newCaller()
  await remember(memory.app, caller, { content: 'x', subject_id: 'ada' })
  const id = await rotate(memory, caller, { subject_id: 'ada' })
  const limited = { ...caller, subjects: ['bob'] }
  const ask = (by: Caller, body: object) => call<ProblemBody>(memory.app, by, 'POST', '/v1/keys/rotations', body)
  expect((await ask(limited, {})).body.code).toBe('permission_denied')
  expect((await ask(limited, { subject_id: 'ada' })).body.code).toBe('subject_not_allowed')
  for (const by of [limited, newCaller()]) {
    expect((await call<ProblemBody>(memory.app, by, 'GET', `/v1/keys/rotations/${id}`)).body.code).toBe(
      'key_rotation_not_found',
    )
    expect((await call<{ items: [] }>(memory.app, by, 'GET', '/v1/keys/rotations')).body.items).toEqual([])
  }
})

test('another key encryption key takes over at the next start, leaves out what does not open, and then stands alone', async () => {
  const [damaged, caller] = [newCaller(), newCaller()]
  await remember(memory.app, damaged, { content: 'lost', subject_id: 'ada' })
  await memory.admin`
    update tenant_keys set wrapped = set_byte(wrapped, 70, 1 # get_byte(wrapped, 70)) where tenant_id = ${damaged.tenantId}`
  const { body } = await remember(memory.app, caller, { content: 'kept', subject_id: 'ada' })
  const old = processSettings.MEMORIC_ENCRYPTION_KEY
  const fresh = randomBytes(32).toString('base64')
  const both = await memory.startAnother({ MEMORIC_ENCRYPTION_KEY: `${fresh},${old}` })
  const olderOnes = async () =>
    (
      await memory.admin<{ tenant_id: string }[]>`
        select tenant_id from tenant_keys where kek_id <> ${both.deps.keks.id}`
    ).map((row) => row.tenant_id)
  await expect.poll(olderOnes).toEqual([damaged.tenantId])
  await expect.poll(() => both.deps.rewrapping.waiting()).toBe(1)
  const alone = await memory.startAnother({ MEMORIC_ENCRYPTION_KEY: fresh })
  expect(await contentOf(alone, caller, body.id)).toBe('kept')

  const late = newCaller()
  await remember(memory.app, late, { content: 'of a process that knows the old key only', subject_id: 'ada' })
  expect(await olderOnes()).toContain(late.tenantId)
  const rewrapping = rewrapInBackground({ ...both.deps, everyMs: 20 })
  await expect.poll(olderOnes).toEqual([damaged.tenantId])
  await rewrapping.stop()
})
