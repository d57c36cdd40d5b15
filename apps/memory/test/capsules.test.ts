import { randomUUID } from 'node:crypto'
import type { Caller } from '@memoric/contracts/caller.ts'
import type { Capsule } from '@memoric/contracts/capsule-contract.ts'
import type { Memory } from '@memoric/contracts/memory-contract.ts'
import { describe, expect, test } from 'vitest'
import { colleague, decide, edited } from './use-edits.ts'
import { type Answer, call, newCaller, type ProblemBody, remember, useMemory } from './use-memory.ts'

const memory = useMemory()

type CapsuleAnswer = Answer<Capsule & ProblemBody>
const nameOf = ({ principal }: Caller): string => `${principal.type}:${principal.id}`

async function memories(caller: Caller, count: number, body: object = {}): Promise<string[]> {
  const ids: string[] = []
  for (let n = 0; n < count; n++) {
    const answer = await remember(memory.app, caller, { content: `shared ${n}`, subject_id: 'ada', ...body })
    ids.push(answer.body.id)
  }
  return ids
}

const create = (caller: Caller, body: object): Promise<CapsuleAnswer> =>
  call(memory.app, caller, 'POST', '/v1/capsules', { name: 'Plans', expires_in_days: 7, ...body })
const get = (caller: Caller, id: string): Promise<CapsuleAnswer> =>
  call(memory.app, caller, 'GET', `/v1/capsules/${id}`)
const open = (caller: Caller, id: string, app = memory.app) =>
  call<{ items: Memory[] } & ProblemBody>(app, caller, 'GET', `/v1/capsules/${id}/memories`)
const revoke = (caller: Caller, id: string) =>
  call<ProblemBody | null>(memory.app, caller, 'DELETE', `/v1/capsules/${id}`)
const mine = async (caller: Caller, query = '') =>
  (await call<{ items: Capsule[]; next_cursor: string | null }>(memory.app, caller, 'GET', `/v1/capsules?${query}`))
    .body
const told = async (caller: Caller, id: string) => (await open(caller, id)).body.items.map(({ content }) => content)

/** Somebody with the same tenant and no right to any memory of ada. */
const outsider = (caller: Caller): Caller =>
  colleague(caller, { subjects: ['bob'], namespaces: ['other'], permissions: ['memories:read'] })

describe('a capsule', () => {
  test('gives its audience these memories and no others, also beyond the limits of their credentials', async () => {
    const maker = newCaller()
    const [reader, stranger] = [outsider(maker), outsider(maker)]
    const ids = await memories(maker, 3)
    const note = 'for the meeting'
    const { status, body, headers } = await create(maker, {
      memory_ids: ids.slice(0, 2),
      audience: [nameOf(reader)],
      note,
    })
    expect([status, headers['location']]).toEqual([201, `/v1/capsules/${body.id}`])
    expect(body).toMatchObject({ name: 'Plans', note, subject_id: 'ada', memories: 2, created_by: nameOf(maker) })
    expect((await get(reader, body.id)).body).toEqual(body)
    const opened = await open(reader, body.id)
    expect(opened.body.items.map(({ id }) => id)).toEqual(ids.slice(0, 2))
    const direct = await call(memory.app, maker, 'GET', `/v1/memories/${ids[0]}`)
    expect(opened.body.items[0]).toEqual(direct.body)
    for (const id of ids) {
      expect((await call<ProblemBody>(memory.app, reader, 'GET', `/v1/memories/${id}`)).body.code).toBe(
        'memory_not_found',
      )
    }
    for (const one of [stranger, newCaller()]) {
      expect((await get(one, body.id)).body.code).toBe('capsule_not_found')
      expect((await open(one, body.id)).body.code).toBe('capsule_not_found')
      expect((await revoke(one, body.id)).body?.code ?? '').toMatch(/^(?:capsule_not_found|permission_denied)$/u)
      expect((await mine(one)).items).toEqual([])
    }
  })

  test('is opened by its audience only: not by its maker, nor by who looks after the tenant', async () => {
    const maker = colleague(newCaller(), { permissions: ['memories:read', 'memories:write'] })
    const admin = colleague(maker)
    const ids = await memories(maker, 1)
    const { body } = await create(maker, { memory_ids: ids, audience: [`user:${randomUUID()}`] })
    for (const one of [maker, admin]) {
      expect((await get(one, body.id)).status).toBe(200)
      expect((await open(one, body.id)).body.code).toBe('capsule_not_found')
    }
    // A parameter names nobody.
    const asked = await call<ProblemBody>(
      memory.app,
      admin,
      'GET',
      `/v1/capsules/${body.id}/memories?as=${body.audience[0]}`,
    )
    expect([asked.status, asked.body.code]).toEqual([400, 'validation_failed'])
  })

  test.each([
    ['subject', { subjects: ['bob'] }],
    ['namespace', { namespaces: ['other'] }],
  ])('is hidden from who looks after one %s only', async (_what, limits) => {
    const maker = newCaller()
    const limited = colleague(maker, limits)
    const ids = await memories(maker, 1)
    const { body } = await create(maker, { memory_ids: ids, audience: [`user:${randomUUID()}`] })
    expect((await mine(limited)).items).toEqual([])
    expect((await get(limited, body.id)).body.code).toBe('capsule_not_found')
    expect((await revoke(limited, body.id)).body?.code).toBe('capsule_not_found')
    expect((await get(maker, body.id)).status).toBe(200)
  })

  test('has each memory as it was when it was shared', async () => {
    const maker = newCaller()
    const reader = outsider(maker)
    const [changed, same] = await memories(maker, 2)
    const { body } = await create(maker, { memory_ids: [changed, same], audience: [nameOf(reader)] })
    await call(memory.app, maker, 'PATCH', `/v1/memories/${changed}`, { content: 'private by now' })
    expect(await told(reader, body.id)).toEqual(['shared 0', 'shared 1'])
  })

  test('loses what is deleted, has expired or is withheld, and gets back what is no longer', async () => {
    const maker = newCaller()
    const reader = outsider(maker)
    const [deleted, expired, retracted, kept] = await memories(maker, 4)
    const ids = [deleted, expired, retracted, kept]
    const { body } = await create(maker, { memory_ids: ids, audience: [nameOf(reader)] })
    await call(memory.app, maker, 'DELETE', `/v1/memories/${deleted}`)
    await memory.admin`update memories set expires_at = now() where id = ${expired!}`
    const edit = await edited(memory, maker, retracted!)
    expect(await told(reader, body.id)).toEqual(['shared 3'])
    await decide(memory, maker, edit.id, 'undo')
    expect(await told(reader, body.id)).toEqual(['shared 2', 'shared 3'])
    expect((await get(reader, body.id)).body.memories).toBe(3)
  })

  test('ends when it is revoked, and when its time is over, in every process', async () => {
    const other = await memory.startAnother()
    const maker = newCaller()
    const reader = outsider(maker)
    const ids = await memories(maker, 1)
    const one = (await create(maker, { memory_ids: ids, audience: [nameOf(reader)] })).body.id
    const two = (await create(maker, { memory_ids: ids, audience: [nameOf(reader)] })).body.id
    expect((await open(reader, one, other.app)).status).toBe(200)
    expect((await revoke(reader, one)).status).toBe(403)
    expect((await revoke(maker, one)).status).toBe(204)
    expect((await revoke(maker, one)).status).toBe(404)
    await memory.admin`update capsules set expires_at = now() where id = ${two}`
    for (const { app } of [memory, other]) {
      for (const id of [one, two]) expect((await open(reader, id, app)).body.code).toBe('capsule_not_found')
    }
    expect((await mine(maker)).items).toEqual([])
    await Promise.all([memory.deps.expiry.run(), other.deps.expiry.run()])
    expect(await memory.admin`select from capsules where tenant_id = ${maker.tenantId}`).toHaveLength(0)
    expect(await memory.admin`select from capsule_memories where tenant_id = ${maker.tenantId}`).toHaveLength(0)
    const events = (await memory.events('capsule.expired')).filter(({ tenantid }) => tenantid === maker.tenantId)
    expect(events.map(({ data }) => data.resource_id)).toEqual([two])
  })

  test('of a user’s own memories is seen and revoked by that user', async () => {
    const ada = randomUUID()
    const maker = newCaller()
    const user = colleague(maker, {
      principal: { type: 'user', id: ada },
      subjects: [ada],
      permissions: ['memories:read', 'memories:write'],
    })
    const ids = await memories(maker, 1, { subject_id: ada })
    const { body } = await create(maker, { memory_ids: ids, audience: [`user:${randomUUID()}`] })
    expect((await mine(user)).items.map(({ id }) => id)).toEqual([body.id])
    expect((await revoke(user, body.id)).status).toBe(204)
  })

  test('tells of itself in the log each time, and says nothing of what is in it', async () => {
    const maker = newCaller()
    const reader = outsider(maker)
    const ids = await memories(maker, 2)
    const secret = { name: 'a secret name', note: 'a secret note' }
    const { body } = await create(maker, { memory_ids: ids, audience: [nameOf(reader)], ...secret })
    await get(reader, body.id)
    await mine(reader)
    await open(reader, body.id)
    await open(reader, body.id)
    await revoke(maker, body.id)
    const events = async (type: string) =>
      (await memory.events(type)).filter(({ tenantid }) => tenantid === maker.tenantId)
    const [created, opened, revoked] = await Promise.all(
      ['capsule.created', 'capsule.opened', 'capsule.revoked'].map(events),
    )
    expect(created!.map(({ data }) => data.details)).toMatchObject([{ memory_ids: ids, audience: [nameOf(reader)] }])
    expect(opened!.map(({ actor, data }) => [actor, data.details['memory_ids']])).toEqual([
      [nameOf(reader), ids],
      [nameOf(reader), ids],
    ])
    expect(revoked).toHaveLength(1)
    await expect
      .poll(async () => (await events('capsule.read')).map(({ data }) => data.resource_id))
      .toEqual([body.id, null])
    expect(JSON.stringify([created, opened, revoked])).not.toMatch(/secret|shared/u)
  })

  test('is listed newest first, by page', async () => {
    const maker = newCaller()
    const reader = outsider(maker)
    const ids = await memories(maker, 1)
    const made: string[] = []
    for (let n = 0; n < 5; n++)
      made.unshift((await create(maker, { memory_ids: ids, audience: [nameOf(reader)] })).body.id)
    for (const one of [maker, reader]) {
      const first = await mine(one, 'limit=3')
      const second = await mine(one, `limit=3&cursor=${first.next_cursor}`)
      expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(made)
      expect(second.next_cursor).toBeNull()
    }
  })

  test('of a subject that withdraws consent is closed', async () => {
    const maker = newCaller()
    const reader = outsider(maker)
    const ids = await memories(maker, 1)
    const { body } = await create(maker, { memory_ids: ids, audience: [nameOf(reader)] })
    const consents = '/v1/privacy/subjects/ada/consents'
    await call(memory.app, maker, 'PUT', consents, { purpose: 'memory', status: 'withdrawn' })
    expect((await open(reader, body.id)).body.code).toBe('consent_withdrawn')
    expect((await get(reader, body.id)).body.code).toBe('consent_withdrawn')
    expect((await mine(reader)).items).toEqual([])
    expect((await create(maker, { memory_ids: ids, audience: [nameOf(reader)] })).body.code).toBe('consent_withdrawn')
  })
})

describe('a capsule is not made', () => {
  const someone = () => [`api_key:${randomUUID()}`]

  test('of memories that its maker cannot see, of several subjects, or of withheld ones', async () => {
    const maker = newCaller()
    const [id] = await memories(maker, 1)
    const [work] = await memories(maker, 1, { namespace: 'work' })
    const [foreign] = await memories(maker, 1, { subject_id: 'bob' })
    const [secret] = await memories(newCaller(), 1)
    const [wrong] = await memories(maker, 1, { content: 'wrong' })
    await edited(memory, maker, wrong!)
    const limited = colleague(maker, { namespaces: ['default'], subjects: ['ada'] })
    const codes = async (caller: Caller, memory_ids: (string | undefined)[]) => {
      const { status, body } = await create(caller, { memory_ids, audience: someone() })
      return [status, body.code, body.errors?.[0]?.pointer]
    }
    expect(await codes(limited, [id, work])).toEqual([404, 'memory_not_found', '/memory_ids/1'])
    expect(await codes(limited, [foreign])).toEqual([404, 'memory_not_found', '/memory_ids/0'])
    expect(await codes(maker, [id, secret])).toEqual([404, 'memory_not_found', '/memory_ids/1'])
    expect(await codes(maker, [wrong])).toEqual([404, 'memory_not_found', '/memory_ids/0'])
    expect(await codes(maker, [id, foreign])).toEqual([422, 'rule_violated', '/memory_ids'])
    expect(await memory.admin`select from capsules where tenant_id = ${maker.tenantId}`).toHaveLength(0)
  })

  test.each([
    [{ audience: [] }],
    [{ audience: ['bob'] }],
    [{ audience: ['service:memory'] }],
    [{ audience: ['*'] }],
    [{ audience: Array.from({ length: 51 }, () => `user:${randomUUID()}`) }],
    [{ memory_ids: [] }],
    [{ memory_ids: ['x'] }],
    [{ memory_ids: Array.from({ length: 201 }, () => randomUUID()) }],
    [{ name: '' }],
    [{ note: 'x'.repeat(2001) }],
    [{ expires_in_days: 0 }],
    [{ expires_in_days: 366 }],
    [{ expires_in_days: undefined }],
    [{ expires_at: '2999-01-01T00:00:00Z' }],
    [{ subject_id: 'ada' }],
  ])('as %j', async (body) => {
    const maker = newCaller()
    const ids = await memories(maker, 1)
    const answer = await create(maker, { memory_ids: ids, audience: someone(), ...body })
    expect([answer.status, answer.body.code]).toEqual([400, 'validation_failed'])
  })

  test('with an end that is over, or too far away', async () => {
    const maker = newCaller()
    const memory_ids = await memories(maker, 1)
    for (const expires_at of ['2020-01-01T00:00:00Z', '2999-01-01T00:00:00Z']) {
      const { status, body } = await create(maker, {
        memory_ids,
        audience: someone(),
        expires_in_days: undefined,
        expires_at,
      })
      expect([status, body.code]).toEqual([422, 'rule_violated'])
    }
    const twice = await create(maker, { memory_ids: [...memory_ids, ...memory_ids], audience: someone() })
    expect(twice.status).toBe(400)
  })
})

test('what is deleted while it is shared is not shared', async () => {
  const maker = newCaller()
  const reader = outsider(maker)
  for (let n = 0; n < 5; n++) {
    const [id] = await memories(maker, 1, { content: `raced ${n}` })
    const [made] = await Promise.all([
      create(maker, { memory_ids: [id], audience: [nameOf(reader)] }),
      call(memory.app, maker, 'DELETE', `/v1/memories/${id}`),
    ])
    expect([201, 404]).toContain(made.status)
    if (made.status === 201) expect(await told(reader, made.body.id)).toEqual([])
  }
  expect(await memory.admin`select from capsule_memories where tenant_id = ${maker.tenantId}`).toHaveLength(0)
})
