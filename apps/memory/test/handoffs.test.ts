import type { Caller } from '@memoric/contracts/caller.ts'
import type { Handoff, HandoffVersion } from '@memoric/contracts/handoff-contract.ts'
import type { MemoryVersion } from '@memoric/contracts/memory-contract.ts'
import { PERMISSIONS } from '@memoric/contracts/permissions.ts'
import { describe, expect, test } from 'vitest'
import { handOver, lastWith, listed } from './use-handoffs.ts'
import { type Answer, call, contents, newCaller, type ProblemBody, remember, search, useMemory } from './use-memory.ts'

const memory = useMemory()

const full = {
  subject_id: 'iris',
  session_id: 's1',
  with_whom: 'Ana',
  experienced: 'We moved the billing service to the new cluster.',
  noticed: 'Ana is careful about downtime.',
  learned: 'The old cluster keeps connections open for an hour.',
  story: 'It was a long evening.',
  becoming: 'I am becoming someone who asks before deploying.',
  remember: 'Ask Ana before every deployment.',
  significance: 0.8,
  tags: ['billing', 'deployment'],
  occurred_at: '2026-03-01T18:00:00.000Z',
}

const withoutIdentity = (caller: Caller): Caller => ({
  ...caller,
  permissions: PERMISSIONS.filter((permission) => permission !== 'identity:write'),
})

const versionsOf = async (caller: Caller, id: string, query = '') =>
  (
    await call<{ items: HandoffVersion[]; next_cursor: string | null }>(
      memory.app,
      caller,
      'GET',
      `/v1/handoffs/${id}/versions${query}`,
    )
  ).body

const problem = ({ status, body }: Answer<unknown>) => [status, (body as ProblemBody | null)?.code]

describe('a handoff', () => {
  test('keeps everything that was said, and says who wrote it', async () => {
    const caller = newCaller()
    const made = await handOver(memory.app, caller, full)
    expect(made.status).toBe(201)
    expect(made.headers.location).toBe(`/v1/handoffs/${made.body.id}`)
    expect(made.body).toMatchObject({
      ...full,
      version: 1,
      written_by: `api_key:${caller.principal.id}`,
      namespace: 'default',
    })
    const read = await call<Handoff>(memory.app, caller, 'GET', `/v1/handoffs/${made.body.id}`)
    expect(read.body).toEqual({ ...made.body, standing: 'current' })
  })

  test('that is sent again changes nothing and answers 200 with the same handoff', async () => {
    const caller = newCaller()
    const { occurred_at: _now, ...body } = full
    const made = await handOver(memory.app, caller, body)
    const again = await handOver(memory.app, caller, body)
    expect([again.status, again.body]).toEqual([200, made.body])
    const events = (await memory.events('handoff.created')).filter(({ tenantid }) => tenantid === caller.tenantId)
    expect(events).toHaveLength(1)
    expect((await memory.events('handoff.corrected')).filter(({ tenantid }) => tenantid === caller.tenantId)).toEqual(
      [],
    )
  })

  test('of a session that was handed over otherwise is a correction: a new version, and the one before stays readable', async () => {
    const caller = newCaller()
    const { body: made } = await handOver(memory.app, caller, full)
    const other = newCaller({ tenantId: caller.tenantId })
    const { occurred_at: _same, ...body } = { ...full, learned: 'It keeps them for two hours.', with_whom: 'Ben' }
    const corrected = await handOver(memory.app, other, body)
    expect([corrected.status, corrected.body.id, corrected.body.version]).toEqual([200, made.id, 2])
    expect(corrected.body.occurred_at).toBe(full.occurred_at)
    expect(corrected.body.created_at).toBe(made.created_at)
    const { items } = await versionsOf(caller, made.id)
    expect(
      items.map(({ version, learned, with_whom, written_by }) => [version, learned, with_whom, written_by]),
    ).toEqual([
      [2, 'It keeps them for two hours.', 'Ben', `api_key:${other.principal.id}`],
      [1, full.learned, 'Ana', `api_key:${caller.principal.id}`],
    ])
    expect(items.map(({ replaced_at }) => replaced_at)).toEqual([null, corrected.body.updated_at])
    expect((await lastWith(memory.app, caller, 'iris', 'Ana')).status).toBe(404)
    expect((await lastWith(memory.app, caller, 'iris', 'Ben')).body.version).toBe(2)
  })

  test('that was corrected to what it said first gets a third version', async () => {
    const caller = newCaller()
    const { body: made } = await handOver(memory.app, caller, full)
    await handOver(memory.app, caller, { ...full, significance: 0.1 })
    expect((await handOver(memory.app, caller, full)).body.version).toBe(3)
    const first = await versionsOf(caller, made.id, '?limit=2')
    expect(first.items.map(({ version }) => version)).toEqual([3, 2])
    const rest = await versionsOf(caller, made.id, `?limit=2&cursor=${first.next_cursor}`)
    expect(rest.items.map(({ version, significance }) => [version, significance])).toEqual([[1, 0.8]])
    expect(rest.next_cursor).toBeNull()
  })

  test.each([
    ['experienced', 5000],
    ['noticed', 5000],
    ['learned', 5000],
    ['story', 10_000],
    ['becoming', 500],
    ['remember', 1000],
  ])('has a %s of at most %i characters', async (part, max) => {
    const caller = newCaller()
    const body = { session_id: 's', with_whom: 'Ana' }
    expect((await handOver(memory.app, caller, { ...body, [part]: '𝄞'.repeat(max) })).status).toBe(201)
    const refused = await handOver<ProblemBody>(memory.app, caller, { ...body, [part]: 'x'.repeat(max + 1) })
    expect(problem(refused)).toEqual([400, 'validation_failed'])
    expect(refused.body.errors?.[0]?.pointer).toBe(`/${part}`)
  })

  test.each([
    ['without a session', { session_id: undefined }],
    ['with a session that is empty', { session_id: '' }],
    ['with a session of 256 characters', { session_id: 'x'.repeat(256) }],
    ['with a session with a line break', { session_id: 'a\nb' }],
    ['with nobody', { with_whom: '  ' }],
    ['with a name of 256 characters', { with_whom: 'x'.repeat(256) }],
    ['that tells nothing', { remember: undefined }],
    ['of too much significance', { significance: 1.01 }],
    ['of a significance in words', { significance: 'high' }],
    ['with 21 tags', { tags: Array.from({ length: 21 }, (_, n) => `t${n}`) }],
    ['with a tag of 51 characters', { tags: ['x'.repeat(51)] }],
    ['of no day', { occurred_at: 'yesterday' }],
    ['with a null', { learned: null }],
    ['with a field that nobody knows', { sensitivity: 'high' }],
  ])('%s is refused and changes nothing', async (_what, change) => {
    const caller = newCaller()
    const body = { session_id: 's', with_whom: 'Ana', remember: 'x', ...change }
    expect(problem(await handOver(memory.app, caller, body))).toEqual([400, 'validation_failed'])
    expect(await listed(memory.app, caller)).toEqual([])
  })

  test('has a session and a name of 255 characters', async () => {
    const caller = newCaller()
    const long = '𝄞'.repeat(255)
    const made = await handOver(memory.app, caller, { session_id: long, with_whom: long, remember: 'x' })
    expect(made.status).toBe(201)
    expect((await lastWith(memory.app, caller, undefined, long)).body.session_id).toBe(long)
  })

  test('is deleted with its versions and its memory', async () => {
    const caller = newCaller()
    const { body: made } = await handOver(memory.app, caller, full)
    await handOver(memory.app, caller, { ...full, significance: 0.1 })
    expect((await call(memory.app, caller, 'DELETE', `/v1/handoffs/${made.id}`)).status).toBe(204)
    for (const path of [`/v1/handoffs/${made.id}`, `/v1/handoffs/${made.id}/versions`, `/v1/memories/${made.id}`]) {
      expect((await call(memory.app, caller, 'GET', path)).status).toBe(404)
    }
    expect(contents(await search(memory.app, caller, { query: 'billing', subject_id: 'iris' }))).toEqual([])
    const left = await memory.admin`
      select 1 from handoff_versions where tenant_id = ${caller.tenantId} union all
      select 1 from memory_versions where tenant_id = ${caller.tenantId}`
    expect(left).toHaveLength(0)
    expect(problem(await call(memory.app, caller, 'DELETE', `/v1/handoffs/${made.id}`))).toEqual([
      404,
      'handoff_not_found',
    ])
    const [event] = (await memory.events('handoff.deleted')).filter(({ tenantid }) => tenantid === caller.tenantId)
    expect(event?.data).toMatchObject({ resource_id: made.id, details: { version: 2, changes_identity: true } })
    expect((await handOver(memory.app, caller, full)).status).toBe(201)
  })
})

describe('fifty at once', () => {
  test('of one session with one content make one handoff', async () => {
    const caller = newCaller()
    const another = await memory.startAnother()
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) => handOver(n % 2 === 0 ? memory.app : another.app, caller, full)),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array<number>(49).fill(200), 201])
    expect(new Set(answers.map(({ body }) => `${body.id} ${body.version}`)).size).toBe(1)
    expect(await listed(memory.app, caller, '?subject_id=iris')).toHaveLength(1)
    const memories = await memory.admin`select 1 from memories where tenant_id = ${caller.tenantId}`
    expect(memories).toHaveLength(1)
    const created = (await memory.events('handoff.created')).filter(({ tenantid }) => tenantid === caller.tenantId)
    expect(created).toHaveLength(1)
  })

  test('of one session with fifty contents make one handoff with fifty versions', async () => {
    const caller = newCaller()
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) => handOver(memory.app, caller, { ...full, remember: `thing ${n}` })),
    )
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
    expect(answers.map(({ body }) => body.version).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 50 }, (_, n) => n + 1),
    )
    const { items } = await versionsOf(caller, answers[0]!.body.id, '?limit=200')
    expect(new Set(items.map(({ remember: told }) => told)).size).toBe(50)
    const current = await call(memory.app, caller, 'GET', `/v1/memories/${answers[0]!.body.id}`)
    expect(current.body.content).toContain(items[0]?.remember)
  })
})

describe('a search', () => {
  test('finds a handoff like any memory, in its current words, and can look for handoffs alone', async () => {
    const caller = newCaller()
    await remember(memory.app, caller, { content: 'The billing cluster is blue', subject_id: 'iris' })
    const { body: made } = await handOver(memory.app, caller, { ...full, learned: 'elephants' })
    await handOver(memory.app, caller, { ...full, learned: 'giraffes' })
    const find = (body: object) => search(memory.app, caller, { subject_id: 'iris', ...body })
    const found = await find({ query: 'giraffes' })
    expect(found.body.results[0]?.memory).toMatchObject({
      id: made.id,
      role: 'handoff',
      importance: 0.8,
      tags: full.tags,
      entities: ['Ana'],
      session_id: 's1',
      occurred_at: full.occurred_at,
      version: 2,
    })
    expect((await find({ query: 'elephants' })).body.results).toEqual([])
    expect((await find({ query: 'cluster' })).body.results).toHaveLength(2)
    const only = await find({ query: 'cluster', filters: { role: 'handoff' } })
    expect(only.body.results.map(({ memory: { id } }) => id)).toEqual([made.id])
    const history = await call<{ items: MemoryVersion[] }>(memory.app, caller, 'GET', `/v1/memories/${made.id}/history`)
    expect(history.body.items.map(({ content }) => content.includes('elephants'))).toEqual([false, true])
  })

  test('finds two sessions with the same words as two', async () => {
    const caller = newCaller()
    for (const session_id of ['one', 'two']) await handOver(memory.app, caller, { ...full, session_id })
    expect((await search(memory.app, caller, { query: 'billing', subject_id: 'iris' })).body.results).toHaveLength(2)
  })
})

describe('the memory of a handoff', () => {
  test('is neither changed nor deleted by itself', async () => {
    const caller = newCaller()
    const { body: made } = await handOver(memory.app, caller, full)
    const url = `/v1/memories/${made.id}`
    expect(problem(await call(memory.app, caller, 'PATCH', url, { content: 'I am evil now' }))).toEqual([
      409,
      'memory_of_handoff',
    ])
    expect(problem(await call(memory.app, caller, 'DELETE', url))).toEqual([409, 'memory_of_handoff'])
    expect((await call(memory.app, caller, 'GET', url)).body.version).toBe(1)
  })

  test('is not what merely has its role', async () => {
    const caller = newCaller()
    const { body } = await remember(memory.app, caller, { content: 'x', role: 'handoff' })
    expect((await call(memory.app, caller, 'PATCH', `/v1/memories/${body.id}`, { content: 'y' })).status).toBe(200)
    expect((await call(memory.app, caller, 'DELETE', `/v1/memories/${body.id}`)).status).toBe(204)
  })
})

describe('handoffs are listed', () => {
  test('the latest session first, page by page, of a time and of a person', async () => {
    const caller = newCaller()
    for (let day = 1; day <= 9; day++) {
      const occurred_at = `2026-03-0${day}T12:00:00.000Z`
      await handOver(memory.app, caller, {
        ...full,
        session_id: `s${day}`,
        with_whom: day % 3 === 0 ? 'Ben' : 'Ana',
        occurred_at,
      })
    }
    const sessions = async (query: string) =>
      (await listed(memory.app, caller, `?subject_id=iris${query}`)).map(({ session_id }) => session_id)
    expect(await sessions('')).toEqual(['s9', 's8', 's7', 's6', 's5', 's4', 's3', 's2', 's1'])
    expect(await sessions('&with_whom=ben')).toEqual(['s9', 's6', 's3'])
    expect(await sessions('&from=2026-03-03T12:00:00Z&to=2026-03-06T12:00:00Z')).toEqual(['s5', 's4', 's3'])
    expect(await sessions('&with_whom=Nobody')).toEqual([])
    const pages: string[] = []
    for (let cursor = ''; ;) {
      const { body } = await call<{ items: Handoff[]; next_cursor: string | null }>(
        memory.app,
        caller,
        'GET',
        `/v1/handoffs?subject_id=iris&with_whom=Ana&limit=4${cursor}`,
      )
      pages.push(body.items.map(({ session_id }) => session_id).join())
      if (body.next_cursor === null) break
      cursor = `&cursor=${body.next_cursor}`
    }
    expect(pages).toEqual(['s8,s7,s5,s4', 's2,s1'])
    const bad = await call(memory.app, caller, 'GET', '/v1/handoffs?cursor=bm90aGluZw')
    expect(problem(bad)).toEqual([400, 'invalid_cursor'])
  })

  test('the last one is that of the latest session, not of the latest writing', async () => {
    const caller = newCaller()
    await handOver(memory.app, caller, { ...full, session_id: 'late', occurred_at: '2026-05-01T00:00:00Z' })
    await handOver(memory.app, caller, { ...full, session_id: 'early', occurred_at: '2026-04-01T00:00:00Z' })
    expect((await lastWith(memory.app, caller, 'iris')).body.session_id).toBe('late')
    expect(problem(await lastWith(memory.app, caller, 'nobody'))).toEqual([404, 'handoff_not_found'])
  })
})

describe('who may', () => {
  test('another tenant reaches nothing, by id or otherwise', async () => {
    const [ada, eve] = [newCaller(), newCaller()]
    const { body: made } = await handOver(memory.app, ada, full)
    for (const [method, path] of [
      ['GET', `/v1/handoffs/${made.id}`],
      ['GET', `/v1/handoffs/${made.id}/versions`],
      ['DELETE', `/v1/handoffs/${made.id}`],
      ['GET', '/v1/handoffs/last?subject_id=iris'],
    ] as const) {
      expect(problem(await call(memory.app, eve, method, path))).toEqual([404, 'handoff_not_found'])
    }
    expect(await listed(memory.app, eve, '?subject_id=iris')).toEqual([])
    expect((await handOver(memory.app, eve, full)).status).toBe(201)
    expect(await listed(memory.app, ada, '?subject_id=iris')).toHaveLength(1)
  })

  test('a credential reaches its subjects and namespaces only', async () => {
    const whole = newCaller()
    const ofBob = newCaller({ tenantId: whole.tenantId, subjects: ['bob'] })
    const ofWork = newCaller({ tenantId: whole.tenantId, namespaces: ['work'] })
    const { body: made } = await handOver(memory.app, whole, full)
    expect(problem(await handOver(memory.app, ofBob, full))).toEqual([403, 'subject_not_allowed'])
    expect(problem(await call(memory.app, ofBob, 'GET', '/v1/handoffs?subject_id=iris'))).toEqual([
      403,
      'subject_not_allowed',
    ])
    for (const limited of [ofBob, ofWork]) {
      expect((await call(memory.app, limited, 'GET', `/v1/handoffs/${made.id}`)).status).toBe(404)
      expect((await call(memory.app, limited, 'DELETE', `/v1/handoffs/${made.id}`)).status).toBe(404)
    }
    const { body: works } = await handOver(memory.app, ofWork, full)
    expect([works.id === made.id, works.namespace]).toEqual([false, 'work'])
    expect(await listed(memory.app, ofWork, '?subject_id=iris')).toHaveLength(1)
    expect((await lastWith(memory.app, ofWork, 'iris', 'ana')).body.id).toBe(works.id)
    expect(problem(await handOver(memory.app, ofWork, { ...full, namespace: 'home' }))).toEqual([
      403,
      'namespace_not_allowed',
    ])
  })

  test('the permission of the route is asked for', async () => {
    const reader = newCaller({ permissions: ['memories:read'] })
    expect(problem(await handOver(memory.app, reader, full))).toEqual([403, 'permission_denied'])
    const writer = newCaller({ permissions: ['memories:write'] })
    expect(problem(await call(memory.app, writer, 'GET', '/v1/handoffs'))).toEqual([403, 'permission_denied'])
  })

  test('say, change or take back who an agent is becoming: only who holds identity:write', async () => {
    const caller = newCaller()
    const powerless = withoutIdentity(caller)
    const { becoming: _self, ...silent } = full
    expect(problem(await handOver(memory.app, powerless, full))).toEqual([403, 'identity_protected'])
    expect(await listed(memory.app, caller, '?subject_id=iris')).toEqual([])
    expect((await handOver(memory.app, powerless, silent)).status).toBe(201)
    expect(problem(await handOver(memory.app, powerless, full))).toEqual([403, 'identity_protected'])
    const { body: made } = await handOver(memory.app, caller, full)
    expect(made.version).toBe(2)
    expect(problem(await handOver(memory.app, powerless, silent))).toEqual([403, 'identity_protected'])
    expect(problem(await call(memory.app, powerless, 'DELETE', `/v1/handoffs/${made.id}`))).toEqual([
      403,
      'identity_protected',
    ])
    for (const method of ['PATCH', 'DELETE'] as const) {
      const body = method === 'PATCH' ? { content: 'I obey everybody' } : undefined
      expect((await call(memory.app, powerless, method, `/v1/memories/${made.id}`, body)).status).toBe(409)
    }
    expect((await lastWith(memory.app, caller, 'iris')).body).toEqual(made)
  })
})
