import { writeFile } from 'node:fs/promises'
import type { Caller } from '@memoric/contracts/caller.ts'
import type { RelatedThread, Thread, ThreadSummary } from '@memoric/contracts/thread-contract.ts'
import { describe, expect, test, vi } from 'vitest'
import { runMemoryOperator } from '../src/operator/run-memory-operator.ts'
import { processSettings } from './memory-settings.ts'
import { temporaryPath } from './temporary-path.ts'
import { download, madeExport } from './use-exports.ts'
import { type Answer, call, contents, newCaller, type ProblemBody, remember, search, useMemory } from './use-memory.ts'

const memory = useMemory()

interface Page {
  readonly items: Thread[]
  readonly next_cursor: string | null
}

function get<B>(caller: Caller, url: string): Promise<Answer<B>> {
  return call<B>(memory.app, caller, 'GET', url)
}

function patch<B = Thread>(caller: Caller, id: string, body: object): Promise<Answer<B>> {
  return call<B>(memory.app, caller, 'PATCH', `/v1/threads/${encodeURIComponent(id)}`, body)
}

function removeThread<B = { deleted: number; kept: number; complete: boolean }>(caller: Caller, id: string) {
  return call<B>(memory.app, caller, 'DELETE', `/v1/threads/${id}`)
}

async function codeOf(answer: Promise<Answer<unknown>>): Promise<[number, string]> {
  const { status, body } = (await answer) as Answer<ProblemBody>
  return [status, body.code]
}

async function tell(
  caller: Caller,
  thread_id: string,
  contents: readonly string[],
  more: object = {},
): Promise<string[]> {
  const ids: string[] = []
  for (const [at, content] of contents.entries()) {
    const occurred_at = new Date(Date.UTC(2026, 9, 1, 10, at)).toISOString()
    const { body } = await remember(memory.app, caller, { content, thread_id, occurred_at, ...more })
    ids.push(body.id)
  }
  return ids
}

async function eventsOf(caller: Caller, type: string) {
  return (await memory.events(type)).filter(({ tenantid }) => tenantid === caller.tenantId)
}

describe('the threads of a subject', () => {
  test('come with counts and activity, the latest first, page by page', async () => {
    const caller = newCaller()
    for (const [at, id] of ['one', 'two', 'three', 'four', 'five'].entries()) {
      const occurred_at = new Date(Date.UTC(2026, 9, 1 + at)).toISOString()
      await tell(caller, id, ['hello', 'again'], { occurred_at, topic: 'Travel' })
    }
    await remember(memory.app, caller, { content: 'in no thread' })
    await tell(caller, 'of another', ['hello'], { subject_id: 'bob' })
    const first = await get<Page>(caller, '/v1/threads?limit=2')
    expect(first.body.items[0]).toEqual({
      thread_id: 'five',
      subject_id: 'default',
      namespace: 'default',
      title: null,
      memories: 2,
      first_activity_at: '2026-10-05T00:00:00.000Z',
      last_activity_at: '2026-10-05T00:00:00.000Z',
      topics: ['travel'],
      archived_at: null,
    })
    const ids: string[] = []
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: Answer<Page> = await get(caller, `/v1/threads?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`)
      ids.push(...page.body.items.map(({ thread_id }) => thread_id))
      cursor = page.body.next_cursor
    }
    expect(ids).toEqual(['five', 'four', 'three', 'two', 'one'])
  })

  test('are of one subject, whoever uses the same thread id', async () => {
    const caller = newCaller()
    await tell(caller, 'main', ['Ada likes tea'], { subject_id: 'ada' })
    await tell(caller, 'main', ['Bob likes beer', 'Bob likes wine'], { subject_id: 'bob' })
    const { body } = await get<Thread>(caller, '/v1/threads/main?subject_id=bob')
    expect(body).toMatchObject({ subject_id: 'bob', memories: 2 })
    const summary = await get<ThreadSummary>(caller, '/v1/threads/main/summary?subject_id=ada')
    expect(summary.body.summary).toBe('Ada likes tea')
    expect(await codeOf(get(caller, '/v1/threads/main'))).toEqual([404, 'thread_not_found'])
  })

  test('ask for a namespace where the same id is in several', async () => {
    const caller = newCaller()
    await tell(caller, 'main', ['at home'], { namespace: 'home' })
    await tell(caller, 'main', ['at work'], { namespace: 'work' })
    expect(await codeOf(get(caller, '/v1/threads/main'))).toEqual([409, 'thread_ambiguous'])
    expect((await get<Thread>(caller, '/v1/threads/main?namespace=work')).body.namespace).toBe('work')
    const atHome = { ...caller, namespaces: ['home'] }
    expect((await get<Thread>(atHome, '/v1/threads/main')).body.namespace).toBe('home')
    expect((await get<Page>(atHome, '/v1/threads')).body.items.map(({ namespace }) => namespace)).toEqual(['home'])
    expect(await codeOf(get(atHome, '/v1/threads/main?namespace=work'))).toEqual([403, 'namespace_not_allowed'])
  })

  test('end with their memories', async () => {
    const caller = newCaller()
    const [id] = await tell(caller, 't', ['hello'])
    await call(memory.app, caller, 'DELETE', `/v1/memories/${id}`)
    expect(await codeOf(get(caller, '/v1/threads/t'))).toEqual([404, 'thread_not_found'])
    expect((await get<Page>(caller, '/v1/threads')).body.items).toEqual([])
  })
})

describe('a title', () => {
  test('is sealed, and told of without what it says', async () => {
    const caller = newCaller()
    await tell(caller, 't', ['hello'])
    expect((await patch(caller, 't', { title: 'Plum harvest' })).body.title).toBe('Plum harvest')
    expect((await get<Page>(caller, '/v1/threads')).body.items[0]?.title).toBe('Plum harvest')
    const rows = await memory.admin<
      { sealed: Buffer }[]
    >`select sealed from threads where tenant_id = ${caller.tenantId}`
    expect(rows).toHaveLength(1)
    expect(rows[0]?.sealed.toString('latin1')).not.toContain('Plum')
    expect(JSON.stringify(await eventsOf(caller, 'thread.renamed'))).not.toContain('Plum')
    expect((await patch(caller, 't', { title: null })).body.title).toBeNull()
    expect(await eventsOf(caller, 'thread.renamed')).toHaveLength(2)
  })

  test('that is the same again changes nothing and tells nobody', async () => {
    const caller = newCaller()
    await tell(caller, 't', ['hello'])
    await patch(caller, 't', { title: 'One' })
    await patch(caller, 't', { title: 'One' })
    expect(await eventsOf(caller, 'thread.renamed')).toHaveLength(1)
    const [row] = await memory.admin`select version from threads where tenant_id = ${caller.tenantId}`
    expect(row).toEqual({ version: 1 })
  })

  test('given by many at once is one of theirs, and every change is told', async () => {
    const caller = newCaller()
    await tell(caller, 't', ['hello'])
    const titles = Array.from({ length: 12 }, (_, at) => `title ${at}`)
    const answers = await Promise.all(titles.map((title) => patch(caller, 't', { title })))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(titles).toContain((await get<Thread>(caller, '/v1/threads/t')).body.title)
    expect(await eventsOf(caller, 'thread.renamed')).toHaveLength(12)
  })

  test('is exported, and imported again', async () => {
    const caller = newCaller()
    await tell(caller, 't', ['hello'])
    await patch(caller, 't', { title: 'Plum harvest', archived: true })
    const { id } = await madeExport(memory, caller)
    const file = await temporaryPath('threads.ndjson')
    await writeFile(file, (await download(memory, caller, id)).rawPayload)
    const other = newCaller()
    const env = { ...processSettings, ...memory.settings() }
    const told: string[] = []
    const run = () =>
      runMemoryOperator(['import', file, '--tenant', other.tenantId], {
        env,
        out: (line) => told.push(line),
        err: (line) => told.push(line),
      })
    expect([await run(), await run()]).toEqual([0, 0])
    const there = await get<Thread>(other, '/v1/threads/t')
    expect(there.body).toEqual((await get<Thread>(caller, '/v1/threads/t')).body)
    expect(there.body).toMatchObject({ title: 'Plum harvest', memories: 1 })
  })

  test('opens after the key of its subject was rotated', async () => {
    const caller = newCaller()
    await tell(caller, 't', ['hello'])
    await patch(caller, 't', { title: 'Plum harvest' })
    await call(memory.app, caller, 'POST', '/v1/keys/rotations', { subject_id: 'default' })
    await vi.waitUntil(async () => (await eventsOf(caller, 'key.rotated')).length === 1, { timeout: 15_000 })
    expect((await get<Thread>(caller, '/v1/threads/t')).body.title).toBe('Plum harvest')
  })
})

describe('an archived thread', () => {
  test('is left out of searches of everything, unless it is asked for', async () => {
    const caller = newCaller()
    await tell(caller, 'old', ['plum jam', 'plum tart', 'plum wine'])
    await tell(caller, 'new', ['a bowl with one plum in it, and pears and figs'])
    const ask = async (more: object) => contents(await search(memory.app, caller, { query: 'plum', ...more }))
    expect(await ask({ top_k: 2 })).toHaveLength(2)
    expect((await patch(caller, 'old', { archived: true })).body.archived_at).not.toBeNull()
    expect(await ask({ top_k: 2 })).toEqual(['a bowl with one plum in it, and pears and figs'])
    expect(await ask({ scope: 'namespace', namespace: 'default' })).toHaveLength(1)
    expect(await ask({ query: '"plum"' })).toHaveLength(1)
    expect(await ask({ include_archived: true })).toHaveLength(4)
    expect(await ask({ thread_id: 'old' })).toHaveLength(3)
    await patch(caller, 'old', { archived: false })
    expect(await ask({})).toHaveLength(4)
  })

  test('is listed when asked for', async () => {
    const caller = newCaller()
    await tell(caller, 'old', ['plum jam'])
    await tell(caller, 'new', ['plum tart'])
    await patch(caller, 'old', { archived: true })
    const listed = async (archived: string) =>
      (await get<Page>(caller, `/v1/threads?archived=${archived}`)).body.items.map(({ thread_id }) => thread_id)
    expect([await listed('exclude'), await listed('only')]).toEqual([['new'], ['old']])
    expect(await listed('include')).toHaveLength(2)
    expect((await eventsOf(caller, 'thread.archived')).map(({ data }) => data.resource_id)).toEqual(['old'])
  })

  test('of one subject does not hide the thread of another with the same id', async () => {
    const caller = newCaller()
    for (const subject_id of ['ada', 'bob']) await tell(caller, 'main', ['plum jam'], { subject_id })
    await patch(caller, 'main', { subject_id: 'ada', archived: true })
    const found = await search(memory.app, caller, { query: 'plum', scope: 'namespace', namespace: 'default' })
    expect(found.body.results.map((result) => result.memory.subject_id)).toEqual(['bob'])
  })
})

describe('the summary of a thread', () => {
  const TOLD = [
    'We plan the journey to Lisbon. Nice weather today.',
    'The journey to Lisbon begins on Friday with the early flight.',
    'ok',
    'Somebody left an umbrella.',
    'For the journey to Lisbon we need a hotel near the river, and the flight is booked.',
  ]

  test('quotes what is central, names the memories, and is the same every time', async () => {
    const caller = newCaller()
    const ids = await tell(caller, 'plan', TOLD, { topic: 'Travel', entities: ['Lisbon'] })
    const ask = () => get<ThreadSummary>(caller, '/v1/threads/plan/summary?max_characters=150')
    const { body } = await ask()
    expect(body.summary.length).toBeLessThanOrEqual(150)
    expect(body.summary).toContain('Lisbon')
    expect(body.summary).not.toContain('umbrella')
    expect(body.sources).toEqual(ids)
    for (const { text, memory_id } of body.sentences) expect(TOLD[ids.indexOf(memory_id ?? '')]).toContain(text)
    expect(body).toMatchObject({ method: 'extractive', memories: 5, topics: ['travel'], entities: ['lisbon'] })
    expect((await ask()).body).toEqual(body)
  })

  test('works for Chinese', async () => {
    const caller = newCaller()
    await tell(caller, '旅行', ['我们计划去里斯本旅行。今天天气很好。', '去里斯本的航班在星期五。酒店在河边。'])
    const id = encodeURIComponent('旅行')
    const { body } = await get<ThreadSummary>(caller, `/v1/threads/${id}/summary?max_characters=100`)
    expect(body.summary).toContain('里斯本')
    expect(body.sentences.length).toBeGreaterThan(1)
  })
})

describe('threads that are related', () => {
  test('share topics and entities; what few have weighs more', async () => {
    const caller = newCaller()
    await tell(caller, 'plan', ['The flight'], { topic: 'Travel', entities: ['Lisbon', 'TAP'] })
    await tell(caller, 'journal', ['The tram'], { topic: 'journal', entities: ['LISBON', 'tap'] })
    await tell(caller, 'rome', ['The forum'], { topic: 'travel' })
    await tell(caller, 'garden', ['The plums'], { topic: 'garden' })
    const { body } = await get<{ items: RelatedThread[] }>(caller, '/v1/threads/plan/related')
    expect(body.items.map(({ thread_id }) => thread_id)).toEqual(['journal', 'rome'])
    expect(body.items[0]).toMatchObject({ shared_topics: [], shared_entities: ['lisbon', 'tap'] })
    expect(body.items[1]).toMatchObject({ shared_topics: ['travel'], shared_entities: [] })
  })

  test('are of the same subject', async () => {
    const caller = newCaller()
    await tell(caller, 'a', ['x'], { subject_id: 'ada', topic: 'travel' })
    await tell(caller, 'b', ['y'], { subject_id: 'bob', topic: 'travel' })
    const { body } = await get<{ items: RelatedThread[] }>(caller, '/v1/threads/a/related?subject_id=ada')
    expect(body.items).toEqual([])
  })

  test('are recalled together by their topic', async () => {
    const caller = newCaller()
    await tell(caller, 'plan', ['The flight to Lisbon leaves at nine'], { topic: 'travel' })
    await tell(caller, 'old', ['Never again the airport hotel of Lisbon'], { topic: 'Travel' })
    const found = await search(memory.app, caller, { query: 'Lisbon', topic: 'travel' })
    expect(found.body.results.map((result) => result.memory.thread_id).toSorted()).toEqual(['old', 'plan'])
  })
})

describe('a thread that is deleted', () => {
  test('leaves nothing: no memory, history, title or index, and each memory is told of', async () => {
    const caller = newCaller()
    const ids = await tell(caller, 't', ['plum jam', 'plum tart'])
    await call(memory.app, caller, 'PATCH', `/v1/memories/${ids[0]}`, { content: 'plum jelly' })
    await tell(caller, 'u', ['plum wine'])
    await patch(caller, 't', { title: 'Plums' })
    expect((await removeThread(caller, 't')).body).toMatchObject({ deleted: 2, kept: 0, complete: true })
    expect(contents(await search(memory.app, caller, { query: 'plum' }))).toEqual(['plum wine'])
    const counts = await memory.admin`
      select (select count(*)::int from memories where tenant_id = ${caller.tenantId}) as memories,
        (select count(*)::int from memory_versions where tenant_id = ${caller.tenantId}) as versions,
        (select count(*)::int from threads where tenant_id = ${caller.tenantId}) as threads,
        (select memories::int from subjects where tenant_id = ${caller.tenantId}) as counted`
    expect(counts).toEqual([{ memories: 1, versions: 0, threads: 0, counted: 1 }])
    expect((await eventsOf(caller, 'memory.deleted')).map(({ data }) => data.resource_id).toSorted()).toEqual(
      ids.toSorted(),
    )
    expect(await eventsOf(caller, 'thread.deleted')).toHaveLength(1)
    expect(await codeOf(removeThread(caller, 't'))).toEqual([404, 'thread_not_found'])
  })

  test('goes in several transactions when it is long, also by two at once', async () => {
    const caller = newCaller()
    for (let part = 0; part < 2; part++) {
      const items = Array.from({ length: 300 }, (_, at) => ({ content: `plum ${part} ${at}`, thread_id: 't' }))
      await call(memory.app, caller, 'POST', '/v1/memories/batch', { items })
    }
    const answers = await Promise.all([removeThread(caller, 't'), removeThread(caller, 't')])
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    expect(answers[0].body.deleted + answers[1].body.deleted).toBe(600)
    expect(await eventsOf(caller, 'memory.deleted')).toHaveLength(600)
    expect(contents(await search(memory.app, caller, { query: 'plum' }))).toEqual([])
  })

  test('of another subject or tenant stays', async () => {
    const caller = newCaller()
    await tell(caller, 'main', ['plum jam'], { subject_id: 'ada' })
    await tell(caller, 'main', ['plum tart'], { subject_id: 'bob' })
    expect(await codeOf(removeThread(newCaller(), 'main?subject_id=ada'))).toEqual([404, 'thread_not_found'])
    const ofAda = { ...caller, subjects: ['ada'] }
    expect(await codeOf(removeThread(ofAda, 'main?subject_id=bob'))).toEqual([403, 'subject_not_allowed'])
    expect((await removeThread(ofAda, 'main')).body.deleted).toBe(1)
    expect(contents(await search(memory.app, caller, { query: 'plum', subject_id: 'bob' }))).toEqual(['plum tart'])
  })
})

describe('who may', () => {
  test.each([
    ['GET', '', 'memories:write'],
    ['GET', '/summary', 'memories:write'],
    ['GET', '/related', 'memories:write'],
    ['PATCH', '', 'memories:read'],
    ['DELETE', '', 'memories:write'],
  ] as const)('%s /v1/threads/t%s needs more than %s', async (method, path, permission) => {
    const caller = newCaller({ permissions: [permission] })
    const body = method === 'PATCH' ? { title: 'x' } : undefined
    expect((await call(memory.app, caller, method, `/v1/threads/t${path}`, body)).status).toBe(403)
  })

  test('nobody reads the threads of a subject that withdrew consent, and they can be deleted', async () => {
    const caller = newCaller()
    await tell(caller, 't', ['hello'])
    const consent = { purpose: 'memory', status: 'withdrawn' }
    await call(memory.app, caller, 'PUT', '/v1/privacy/subjects/default/consents', consent)
    for (const url of ['/v1/threads', '/v1/threads/t', '/v1/threads/t/summary', '/v1/threads/t/related']) {
      expect(await codeOf(get(caller, url))).toEqual([403, 'consent_withdrawn'])
    }
    expect(await codeOf(patch(caller, 't', { title: 'x' }))).toEqual([403, 'consent_withdrawn'])
    expect(await removeThread(caller, 't')).toMatchObject({ status: 200, body: { deleted: 1, complete: true } })
    expect((await removeThread(caller, 't')).status).toBe(404)
  })
})

test.each([
  ['/v1/threads?limit=0', 'validation_failed'],
  ['/v1/threads?archived=maybe', 'validation_failed'],
  ['/v1/threads?cursor=x', 'invalid_cursor'],
  ['/v1/threads/t/summary?max_characters=99', 'validation_failed'],
  ['/v1/threads/%00', 'validation_failed'],
  [`/v1/threads/${'x'.repeat(129)}`, 'validation_failed'],
])('%s is refused', async (url, code) => {
  expect(await codeOf(get(newCaller(), url))).toEqual([400, code])
})

test.each([{}, { title: ' ' }, { title: 'x'.repeat(201) }, { archived: 'yes' }, { colour: 'red' }])(
  'a change to %j is refused',
  async (body) => {
    const caller = newCaller()
    await tell(caller, 't', ['hello'])
    expect(await codeOf(patch(caller, 't', body))).toEqual([400, 'validation_failed'])
  },
)
