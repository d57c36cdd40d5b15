import { randomUUID } from 'node:crypto'
import type { Caller } from '@memoric/contracts/caller.ts'
import type { Knowledge } from '@memoric/contracts/knowledge-contract.ts'
import type { MemoryVersion } from '@memoric/contracts/memory-contract.ts'
import { describe, expect, test } from 'vitest'
import { handOver } from './use-handoffs.ts'
import { call, newCaller, remember, search, useMemory } from './use-memory.ts'
import { faults, know, type Page, problem, supersede } from './use-notes.ts'

const memory = useMemory()

const full = {
  subject_id: 'iris',
  title: 'Draining',
  content: 'The old cluster keeps connections open for an hour.',
  topic: 'billing',
  category: 'operations',
  with_whom: 'Ana',
  tags: ['cluster'],
  confidence: 0.9,
}

const listed = async (caller: Caller, query = '') =>
  (await call<Page<Knowledge>>(memory.app, caller, 'GET', `/v1/knowledge?subject_id=iris${query}`)).body

const get = (caller: Caller, id: string) => call<Knowledge>(memory.app, caller, 'GET', `/v1/knowledge/${id}`)

const change = (caller: Caller, id: string, body: object, headers: Record<string, string> = {}) =>
  call<Knowledge>(memory.app, caller, 'PATCH', `/v1/knowledge/${id}`, body, headers)

const eventsOf = async (caller: Caller, type: string) =>
  (await memory.events(type)).filter(({ tenantid }) => tenantid === caller.tenantId)

describe('a knowledge note', () => {
  test('keeps everything that was said, with its sources and who wrote it', async () => {
    const caller = newCaller()
    const { body: source } = await remember(memory.app, caller, { content: 'It took an hour', subject_id: 'iris' })
    const made = await know(memory.app, caller, { ...full, sources: [source.id] })
    expect(made.status).toBe(201)
    expect(made.headers.location).toBe(`/v1/knowledge/${made.body.id}`)
    expect(made.body).toMatchObject({
      ...full,
      sources: [source.id],
      namespace: 'default',
      version: 1,
      status: 'active',
      supersedes: null,
      superseded_by: null,
      superseded_at: null,
      written_by: `api_key:${caller.principal.id}`,
    })
    const read = await get(caller, made.body.id)
    expect([read.status, read.headers.etag]).toEqual([200, '"1"'])
    expect(read.body).toEqual(made.body)
    const [event] = await eventsOf(caller, 'knowledge.created')
    expect(event?.data).toMatchObject({ resource_id: made.body.id, details: { subject_id: 'iris', supersedes: null } })
  })

  test('needs a content alone', async () => {
    const { body } = await know(memory.app, newCaller(), { content: 'Tea' })
    expect(body).toMatchObject({
      subject_id: 'default',
      title: null,
      content: 'Tea',
      topic: null,
      category: null,
      with_whom: null,
      tags: [],
      sources: [],
      confidence: 0.8,
    })
  })

  test.each([
    ['without content', { content: undefined }, ''],
    ['that is blank', { content: ' ' }, '/content'],
    ['that is too long', { content: 'x'.repeat(31_745) }, '/content'],
    ['with a title of two lines', { title: 'a\nb' }, '/title'],
    ['with a title of 201 characters', { title: 'x'.repeat(201) }, '/title'],
    ['that is surer than sure', { confidence: 1.01 }, '/confidence'],
    ['that is sure in words', { confidence: 'high' }, '/confidence'],
    ['with 21 tags', { tags: Array.from({ length: 21 }, (_, n) => `t${n}`) }, '/tags'],
    ['with 51 sources', { sources: Array.from({ length: 51 }, () => randomUUID()) }, '/sources'],
    ['with a source twice', { sources: Array<string>(2).fill(randomUUID()) }, '/sources'],
    ['with a source that is no id', { sources: ['x'] }, '/sources/0'],
    ['with a null', { topic: null }, '/topic'],
    ['with a field that nobody knows', { sensitivity: 'high' }, ''],
  ])('%s is refused and changes nothing', async (_what, wrong, pointer) => {
    const caller = newCaller()
    const answer = await know(memory.app, caller, { ...full, ...wrong })
    expect(problem(answer)).toEqual([400, 'validation_failed'])
    if (pointer !== '') expect(answer.body.errors?.[0]?.pointer).toBe(pointer)
    expect((await listed(caller)).items).toEqual([])
  })

  test('of the longest title and content is stored as it is', async () => {
    const caller = newCaller()
    const long = { title: '𝄞'.repeat(200), content: `${'x'.repeat(31_740)}\n\ny`, subject_id: 'iris' }
    const { status, body } = await know(memory.app, caller, long)
    expect([status, body.title, body.content]).toEqual([201, long.title, long.content])
    expect((await get(caller, body.id)).body).toEqual(body)
  })

  test('names sources of its own subject only, and says which are none', async () => {
    const caller = newCaller()
    const { body: own } = await remember(memory.app, caller, { content: 'a', subject_id: 'iris' })
    const { body: other } = await remember(memory.app, caller, { content: 'b', subject_id: 'otto' })
    const { body: foreign } = await remember(memory.app, newCaller(), { content: 'c', subject_id: 'iris' })
    const sources = [own.id, other.id, randomUUID(), foreign.id]
    const answer = await know(memory.app, caller, { ...full, sources })
    expect(faults(answer)).toEqual([422, 'rule_violated', ['/sources/1', '/sources/2', '/sources/3']])
    const ofWork = newCaller({ tenantId: caller.tenantId, namespaces: ['work'] })
    expect(faults(await know(memory.app, ofWork, { ...full, sources: [own.id] }))[2]).toEqual(['/sources/0'])
    expect((await listed(caller)).items).toEqual([])
    const made = await know(memory.app, caller, { ...full, sources: [own.id] })
    expect(made.status).toBe(201)
    expect(faults(await change(caller, made.body.id, { sources: [own.id, other.id] }))).toEqual([
      422,
      'rule_violated',
      ['/sources/1'],
    ])
  })

  test('is found by a search like any memory, by its title and its content', async () => {
    const caller = newCaller()
    const { body: made } = await know(memory.app, caller, full)
    for (const query of ['draining', 'connections']) {
      const { body } = await search(memory.app, caller, { query, subject_id: 'iris', filters: { role: 'knowledge' } })
      expect(body.results[0]?.memory).toMatchObject({
        id: made.id,
        role: 'knowledge',
        topic: 'billing',
        importance: 0.9,
        tags: ['cluster'],
        entities: ['Ana'],
        tier: 'long_term',
      })
    }
  })

  test('is changed by a new version; the one before is in the history of its memory', async () => {
    const caller = newCaller()
    const other = newCaller({ tenantId: caller.tenantId })
    const { body: made } = await know(memory.app, caller, full)
    const changed = await change(other, made.id, { content: 'Two hours.', topic: null, confidence: 0.4 })
    expect([changed.status, changed.headers.etag]).toEqual([200, '"2"'])
    expect(changed.body).toEqual({
      ...made,
      version: 2,
      content: 'Two hours.',
      topic: null,
      confidence: 0.4,
      written_by: `api_key:${other.principal.id}`,
      updated_at: changed.body.updated_at,
    })
    expect((await get(caller, made.id)).body).toEqual(changed.body)
    const { body: history } = await call<{ items: MemoryVersion[] }>(
      memory.app,
      caller,
      'GET',
      `/v1/memories/${made.id}/history`,
    )
    expect(history.items.map(({ version, content, topic }) => [version, content, topic])).toEqual([
      [2, 'Draining\nTwo hours.', null],
      [1, `Draining\n${full.content}`, 'billing'],
    ])
    const [event] = await eventsOf(caller, 'knowledge.updated')
    expect(event?.data).toMatchObject({ details: { version: 2, fields: ['confidence', 'content', 'topic'] } })
    const found = await search(memory.app, caller, { query: 'connections', subject_id: 'iris' })
    expect(found.body.results).toEqual([])
  })

  test('is changed only in the version that If-Match names', async () => {
    const caller = newCaller()
    const { body: made } = await know(memory.app, caller, full)
    expect((await change(caller, made.id, { title: null }, { 'if-match': '"1"' })).body.title).toBeNull()
    const late = await change(caller, made.id, { title: 'Late' }, { 'if-match': '"1"' })
    expect(problem(late)).toEqual([412, 'version_mismatch'])
    expect(problem(await change(caller, made.id, {}))).toEqual([400, 'validation_failed'])
    expect((await get(caller, made.id)).body).toMatchObject({ title: null, version: 2 })
  })

  test('that twenty change at once has twenty-one versions; with If-Match one of them wins', async () => {
    const caller = newCaller()
    const { body: made } = await know(memory.app, caller, full)
    const twenty = Array.from({ length: 20 }, (_, n) => ({ content: `thing ${n}` }))
    const guarded = await Promise.all(twenty.map((body) => change(caller, made.id, body, { 'if-match': '1' })))
    expect(guarded.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(19).fill(412)])
    const free = await Promise.all(twenty.map((body) => change(caller, made.id, body)))
    expect(free.map(({ body }) => body.version).sort((a, b) => a - b)).toEqual(twenty.map((_, n) => n + 3))
  })

  test('is deleted with its versions and its memory', async () => {
    const caller = newCaller()
    const { body: made } = await know(memory.app, caller, full)
    await change(caller, made.id, { content: 'Two hours.' })
    expect((await call(memory.app, caller, 'DELETE', `/v1/knowledge/${made.id}`)).status).toBe(204)
    expect(problem(await get(caller, made.id))).toEqual([404, 'knowledge_not_found'])
    expect((await call(memory.app, caller, 'GET', `/v1/memories/${made.id}`)).status).toBe(404)
    expect(problem(await call(memory.app, caller, 'DELETE', `/v1/knowledge/${made.id}`))).toEqual([
      404,
      'knowledge_not_found',
    ])
    const left = await memory.admin`
      select 1 from memory_versions where tenant_id = ${caller.tenantId} union all
      select 1 from notes where tenant_id = ${caller.tenantId}`
    expect(left).toHaveLength(0)
    expect(await eventsOf(caller, 'knowledge.deleted')).toHaveLength(1)
    expect(await eventsOf(caller, 'memory.deleted')).toHaveLength(1)
    expect((await search(memory.app, caller, { query: 'hours', subject_id: 'iris' })).body.results).toEqual([])
  })

  test('is written once by requests with one Idempotency-Key, and answered again', async () => {
    const caller = newCaller()
    const headers = { 'idempotency-key': 'once' }
    const send = (body: object) => call<Knowledge>(memory.app, caller, 'POST', '/v1/knowledge', body, headers)
    const answers = await Promise.all(Array.from({ length: 10 }, () => send(full)))
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.id}`)).size).toBe(1)
    expect((await listed(caller)).items).toHaveLength(1)
    expect((await send(full)).headers['idempotent-replayed']).toBe('true')
    expect(problem(await send({ ...full, title: 'Other' }))).toEqual([422, 'idempotency_key_reused'])
    await call(memory.app, caller, 'DELETE', `/v1/knowledge/${answers[0]!.body.id}`)
    expect(problem(await send(full))).toEqual([410, 'memory_gone'])
  })
})

describe('the memory of a note', () => {
  test('is neither changed nor deleted by itself', async () => {
    const caller = newCaller()
    const { body: made } = await know(memory.app, caller, full)
    const url = `/v1/memories/${made.id}`
    const refused = await call<{ detail?: string }>(memory.app, caller, 'PATCH', url, { content: 'The moon is cheese' })
    expect([...problem(refused), refused.body.detail]).toEqual([409, 'memory_of_record', 'knowledge'])
    expect(problem(await call(memory.app, caller, 'DELETE', url))).toEqual([409, 'memory_of_record'])
    expect((await get(caller, made.id)).body).toEqual(made)
  })

  test('is not what merely has its role', async () => {
    const caller = newCaller()
    const { body } = await remember(memory.app, caller, { content: 'x', role: 'knowledge', subject_id: 'iris' })
    expect((await get(caller, body.id)).status).toBe(404)
    expect((await call(memory.app, caller, 'PATCH', `/v1/memories/${body.id}`, { content: 'y' })).status).toBe(200)
    expect((await call(memory.app, caller, 'DELETE', `/v1/memories/${body.id}`)).status).toBe(204)
  })
})

describe('superseding', () => {
  test('links both ways; the old one stays readable and leaves the list of what holds', async () => {
    const caller = newCaller()
    const { body: old } = await know(memory.app, caller, full)
    const made = await supersede(memory.app, caller, 'knowledge', old.id, { content: 'Two hours.' })
    expect(made.status).toBe(201)
    expect(made.headers.location).toBe(`/v1/knowledge/${made.body.id}`)
    expect(made.body).toMatchObject({ subject_id: 'iris', supersedes: old.id, status: 'active', title: null })
    const { body: after } = await get(caller, old.id)
    expect(after).toEqual({
      ...old,
      status: 'superseded',
      superseded_by: made.body.id,
      superseded_at: made.body.created_at,
      standing: 'attenuated',
    })
    const ids = async (status: string) => (await listed(caller, `&status=${status}`)).items.map(({ id }) => id)
    expect((await listed(caller)).items).toEqual([made.body])
    expect(await ids('active')).toEqual([made.body.id])
    expect(await ids('superseded')).toEqual([old.id])
    expect(await ids('all')).toEqual([made.body.id, old.id])
    const [event] = await eventsOf(caller, 'knowledge.superseded')
    expect(event?.data).toMatchObject({ resource_id: old.id, details: { superseded_by: made.body.id } })
    expect(problem(await change(caller, old.id, { content: 'x' }))).toEqual([409, 'already_superseded'])
  })

  test('again is refused and changes nothing; of twenty at once one wins', async () => {
    const caller = newCaller()
    const { body: old } = await know(memory.app, caller, full)
    const another = await memory.startAnother()
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        supersede(n % 2 === 0 ? memory.app : another.app, caller, 'knowledge', old.id, { content: `thing ${n}` }),
      ),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array<number>(19).fill(409)])
    expect(answers.filter(({ status }) => status === 409).map(({ body }) => body.code)).toEqual(
      Array<string>(19).fill('already_superseded'),
    )
    expect((await listed(caller, '&status=all')).items).toHaveLength(2)
    const memories = await memory.admin`select 1 from memories where tenant_id = ${caller.tenantId}`
    expect(memories).toHaveLength(2)
    expect(await eventsOf(caller, 'knowledge.created')).toHaveLength(2)
  })

  test('with an Idempotency-Key is done once and answered again', async () => {
    const caller = newCaller()
    const { body: old } = await know(memory.app, caller, full)
    const again = () =>
      supersede(memory.app, caller, 'knowledge', old.id, { content: 'new' }, { 'idempotency-key': 'k' })
    const first = await again()
    const second = await again()
    expect([first.status, second.status, second.body]).toEqual([201, 201, first.body])
    expect(second.headers['idempotent-replayed']).toBe('true')
  })

  test('stays in the place of the old one', async () => {
    const caller = newCaller()
    const { body: old } = await know(memory.app, caller, { ...full, namespace: 'work' })
    const elsewhere = { content: 'x', subject_id: 'otto', namespace: 'home' }
    expect(faults(await supersede(memory.app, caller, 'knowledge', old.id, elsewhere))).toEqual([
      422,
      'rule_violated',
      ['/subject_id', '/namespace'],
    ])
    const made = await supersede(memory.app, caller, 'knowledge', old.id, { content: 'x', namespace: 'work' })
    expect(made.body.namespace).toBe('work')
  })

  test('of a note with sources that are none leaves the old one as it was', async () => {
    const caller = newCaller()
    const { body: old } = await know(memory.app, caller, full)
    const answer = await supersede(memory.app, caller, 'knowledge', old.id, { content: 'x', sources: [randomUUID()] })
    expect(faults(answer)).toEqual([422, 'rule_violated', ['/sources/0']])
    expect((await get(caller, old.id)).body).toEqual(old)
    expect((await listed(caller, '&status=all')).items).toHaveLength(1)
  })

  test('is taken back by deleting: what was superseded holds again, or is superseded by the next', async () => {
    const caller = newCaller()
    const { body: one } = await know(memory.app, caller, full)
    const { body: two } = await supersede(memory.app, caller, 'knowledge', one.id, { content: 'two' })
    const { body: three } = await supersede(memory.app, caller, 'knowledge', two.id, { content: 'three' })
    await call(memory.app, caller, 'DELETE', `/v1/knowledge/${two.id}`)
    expect((await get(caller, one.id)).body).toMatchObject({ status: 'superseded', superseded_by: three.id })
    expect((await get(caller, three.id)).body).toMatchObject({ status: 'active', supersedes: one.id })
    await call(memory.app, caller, 'DELETE', `/v1/knowledge/${three.id}`)
    expect((await get(caller, one.id)).body).toEqual(one)
    const events = await eventsOf(caller, 'knowledge.deleted')
    expect(events.map(({ data }) => data.details)).toMatchObject([{ restored: null }, { restored: one.id }])
    expect((await supersede(memory.app, caller, 'knowledge', one.id, { content: 'four' })).status).toBe(201)
    await call(memory.app, caller, 'DELETE', `/v1/knowledge/${one.id}`)
    expect((await listed(caller, '&status=all')).items).toMatchObject([{ content: 'four', supersedes: null }])
  })
})

test('notes are listed newest first, page by page, of a namespace', async () => {
  const caller = newCaller()
  for (let n = 1; n <= 7; n++) {
    const namespace = n % 2 === 0 ? 'work' : 'home'
    await know(memory.app, caller, { subject_id: 'iris', content: `thing ${n}`, namespace })
  }
  const pages: string[][] = []
  for (let cursor = ''; ;) {
    const page = await listed(caller, `&limit=3${cursor}`)
    pages.push(page.items.map(({ content }) => content.slice(-1)))
    if (page.next_cursor === null) break
    cursor = `&cursor=${page.next_cursor}`
  }
  expect(pages).toEqual([['7', '6', '5'], ['4', '3', '2'], ['1']])
  expect((await listed(caller, '&namespace=work')).items.map(({ content }) => content.slice(-1))).toEqual([
    '6',
    '4',
    '2',
  ])
  const bad = await call(memory.app, caller, 'GET', '/v1/knowledge?cursor=bm90aGluZw')
  expect(problem(bad)).toEqual([400, 'invalid_cursor'])
  const wrong = await call(memory.app, caller, 'GET', '/v1/knowledge?status=old')
  expect(problem(wrong)).toEqual([400, 'validation_failed'])
  await expect.poll(() => eventsOf(caller, 'knowledge.read')).not.toEqual([])
})

describe('who may', () => {
  const requests = (id: string) =>
    [
      ['GET', `/v1/knowledge/${id}`, undefined],
      ['PATCH', `/v1/knowledge/${id}`, { content: 'x' }],
      ['DELETE', `/v1/knowledge/${id}`, undefined],
      ['POST', `/v1/knowledge/${id}/supersede`, { content: 'x' }],
    ] as const

  test('another tenant, another subject and another namespace reach nothing', async () => {
    const caller = newCaller()
    const { tenantId } = caller
    const { body: made } = await know(memory.app, caller, full)
    const strangers = [
      newCaller(),
      newCaller({ tenantId, subjects: ['bob'] }),
      newCaller({ tenantId, namespaces: ['work'] }),
    ]
    for (const stranger of strangers) {
      for (const [method, path, body] of requests(made.id)) {
        expect(problem(await call(memory.app, stranger, method, path, body))).toEqual([404, 'knowledge_not_found'])
      }
    }
    expect((await listed(strangers[0]!)).items).toEqual([])
    expect((await listed(strangers[2]!)).items).toEqual([])
    const ofBob = strangers[1]!
    expect(problem(await know(memory.app, ofBob, full))).toEqual([403, 'subject_not_allowed'])
    expect(problem(await call(memory.app, ofBob, 'GET', '/v1/knowledge?subject_id=iris'))).toEqual([
      403,
      'subject_not_allowed',
    ])
    const taken = await supersede(memory.app, ofBob, 'knowledge', made.id, { content: 'x', subject_id: 'iris' })
    expect(problem(taken)).toEqual([403, 'subject_not_allowed'])
    expect((await know(memory.app, ofBob, { content: 'x' })).body.subject_id).toBe('bob')
    expect(problem(await know(memory.app, strangers[2]!, { ...full, namespace: 'home' }))).toEqual([
      403,
      'namespace_not_allowed',
    ])
    expect(problem(await call(memory.app, strangers[2]!, 'GET', '/v1/knowledge?namespace=home'))).toEqual([
      403,
      'namespace_not_allowed',
    ])
    expect((await get(caller, made.id)).body).toEqual(made)
  })

  test('the permission of each route is asked for', async () => {
    const caller = newCaller()
    const { body: made } = await know(memory.app, caller, full)
    const may = (permissions: Caller['permissions']) => newCaller({ tenantId: caller.tenantId, permissions })
    const [read, patch, remove, replace] = requests(made.id)
    for (const [permission, allowed] of [
      ['memories:read', read],
      ['memories:write', patch],
      ['memories:delete', remove],
    ] as const) {
      for (const request of [read, patch, remove, replace]) {
        if (request === allowed || (permission === 'memories:write' && request === replace)) continue
        const [method, path, body] = request
        expect(problem(await call(memory.app, may([permission]), method, path, body))).toEqual([
          403,
          'permission_denied',
        ])
      }
    }
  })

  test('the id of another kind of record is not one of a note', async () => {
    const caller = newCaller()
    const { body: handoff } = await handOver(memory.app, caller, {
      subject_id: 'iris',
      session_id: 's',
      with_whom: 'Ana',
      remember: 'x',
    })
    const { body: decision } = await call<{ id: string }>(memory.app, caller, 'POST', '/v1/decisions', {
      subject_id: 'iris',
      decision: 'x',
    })
    for (const { id } of [handoff, decision]) {
      for (const [method, path, body] of requests(id)) {
        expect(problem(await call(memory.app, caller, method, path, body))).toEqual([404, 'knowledge_not_found'])
      }
    }
  })
})
