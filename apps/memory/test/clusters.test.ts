import type { Caller } from '@memoric/contracts/caller.ts'
import type { Cluster } from '@memoric/contracts/cluster-contract.ts'
import { describe, expect, test } from 'vitest'
import { type Answer, call, type Method, newCaller, type ProblemBody, remember, useMemory } from './use-memory.ts'

const memory = useMemory()

interface Page {
  readonly items: Cluster[]
  readonly next_cursor: string | null
}

function clustersFor(caller: Caller, query = ''): Promise<Answer<Page>> {
  return call<Page>(memory.app, caller, 'GET', `/v1/clusters${query}`)
}

function rebuild<B = { clusters: number; memories: number }>(caller: Caller, body?: object): Promise<Answer<B>> {
  return call<B>(memory.app, caller, 'POST', '/v1/clusters/rebuild', body)
}

async function rememberAll(caller: Caller, items: readonly object[]): Promise<string[]> {
  const url = '/v1/memories/batch'
  const { body } = await call<{ items: { memory: { id: string } }[] }>(memory.app, caller, 'POST', url, { items })
  return body.items.map((item) => item.memory.id)
}

async function eventsOf(caller: Caller, type: string) {
  return (await memory.events(type)).filter(({ tenantid }) => tenantid === caller.tenantId)
}

function sizes({ body }: Answer<Page>): [string | null, number][] {
  return body.items.map(({ topic, memories }) => [topic, memories])
}

const PLUMS = [
  { content: 'The plum tree in the garden blossoms in April', topic: 'Garden', category: 'home' },
  { content: 'The plums of the garden tree are ripe', topic: 'garden', category: 'Home' },
  { content: 'We made jam from the plums of the garden', topic: 'GARDEN', category: 'home' },
]
const JOURNEY = [
  { content: 'The flight to Lisbon leaves at nine', topic: 'travel' },
  { content: 'The hotel in Lisbon is by the river', topic: 'travel' },
]

describe('clusters', () => {
  test('are by topic and category, whatever their case, with a summary, words and members', async () => {
    const caller = newCaller()
    const ids = await rememberAll(caller, [...PLUMS, ...JOURNEY, { content: 'alone', topic: 'other' }])
    const answer = await clustersFor(caller)
    expect(sizes(answer)).toEqual([
      ['garden', 3],
      ['travel', 2],
    ])
    const [garden] = answer.body.items
    expect(garden).toMatchObject({ subject_id: 'default', namespace: 'default', category: 'home' })
    expect(garden?.memory_ids.toSorted()).toEqual(ids.slice(0, 3).toSorted())
    expect(garden?.terms).toContain('garden')
    expect(garden?.summary).toContain('garden')
  })

  test('of memories without labels are by their words', async () => {
    const caller = newCaller()
    await rememberAll(caller, [
      { content: 'Ada drinks green tea with milk' },
      { content: 'The train to Porto was late again' },
      { content: 'Ada drinks black tea with lemon' },
      { content: 'The late train to Porto was full' },
      { content: 'Nobody knows where the key is' },
    ])
    const { body } = await clustersFor(caller)
    expect(body.items.map(({ topic, terms, memories }) => [topic, terms.includes('tea'), memories]).toSorted()).toEqual(
      [
        [null, false, 2],
        [null, true, 2],
      ],
    )
  })

  test('of Chinese memories without labels are by their words', async () => {
    const caller = newCaller()
    await rememberAll(caller, [
      { content: '里斯本的酒店在河边' },
      { content: '里斯本的酒店需要押金' },
      { content: '花园里的李子树开花了' },
      { content: '花园里的李子树很高' },
    ])
    expect((await clustersFor(caller)).body.items.map(({ memories }) => memories)).toEqual([2, 2])
  })

  test('never mix subjects or namespaces', async () => {
    const caller = newCaller()
    for (const subject_id of ['ada', 'bob']) {
      for (const namespace of ['home', 'work']) {
        await rememberAll(
          caller,
          PLUMS.map((each) => ({ ...each, subject_id, namespace })),
        )
      }
    }
    const of = async (who: Caller, query: string) => {
      const { body } = await clustersFor(who, query)
      return body.items.map(({ subject_id, namespace, memories }) => [subject_id, namespace, memories])
    }
    expect((await of(caller, '?subject_id=ada')).toSorted()).toEqual([
      ['ada', 'home', 3],
      ['ada', 'work', 3],
    ])
    const atHome = { ...caller, namespaces: ['home'] }
    expect(await of(atHome, '?subject_id=bob')).toEqual([['bob', 'home', 3]])
    expect(await of(caller, '?subject_id=ada&namespace=work')).toEqual([['ada', 'work', 3]])
    expect(await of(caller, '?subject_id=bob')).toHaveLength(2)
  })

  test('take in what was written, changed and deleted, and only what changed is described anew', async () => {
    const caller = newCaller()
    const ids = await rememberAll(caller, [...PLUMS, ...JOURNEY])
    const before = await clustersFor(caller)
    await clustersFor(caller)
    expect(await eventsOf(caller, 'cluster.rebuilt')).toHaveLength(1)
    const { body: third } = await remember(memory.app, caller, {
      content: 'The tram of Lisbon is yellow',
      topic: 'travel',
    })
    const after = await clustersFor(caller)
    expect(sizes(after)).toEqual(expect.arrayContaining([['travel', 3]]))
    const events = await eventsOf(caller, 'cluster.rebuilt')
    expect(events.map(({ data }) => data.details['written'])).toEqual([2, 1])
    const byTopic = ({ body }: Answer<Page>, topic: string) => body.items.find((each) => each.topic === topic)
    expect(byTopic(after, 'travel')?.id).toBe(byTopic(before, 'travel')?.id)
    expect(byTopic(after, 'garden')).toEqual(byTopic(before, 'garden'))
    await call(memory.app, caller, 'PATCH', `/v1/memories/${third.id}`, { topic: 'garden', category: 'home' })
    expect(sizes(await clustersFor(caller))).toEqual([
      ['garden', 4],
      ['travel', 2],
    ])
    await call(memory.app, caller, 'DELETE', `/v1/memories/${ids[4]}`)
    const last = await clustersFor(caller)
    expect(sizes(last)).toEqual([['garden', 4]])
    expect(JSON.stringify(last.body)).not.toContain('river')
  })

  test('of a deleted memory are gone with it, before anybody asks', async () => {
    const caller = newCaller()
    const [id] = await rememberAll(caller, PLUMS)
    await clustersFor(caller)
    const count = () => memory.admin`select count(*)::int as n from clusters where tenant_id = ${caller.tenantId}`
    expect(await count()).toEqual([{ n: 1 }])
    await call(memory.app, caller, 'DELETE', `/v1/memories/${id}`)
    expect(await count()).toEqual([{ n: 0 }])
  })

  test('forget a memory whose time is over', async () => {
    const caller = newCaller()
    await rememberAll(caller, [...JOURNEY, { content: 'The tram of Lisbon', topic: 'travel', ttl_seconds: 1 }])
    expect(sizes(await clustersFor(caller))).toEqual([['travel', 3]])
    await expect.poll(async () => sizes(await clustersFor(caller)), { timeout: 5000 }).toEqual([['travel', 2]])
  })

  test('are sealed, and told of without what they say', async () => {
    const caller = newCaller()
    await rememberAll(caller, PLUMS)
    await clustersFor(caller)
    const [row] = await memory.admin<
      { sealed: Buffer }[]
    >`select sealed from clusters where tenant_id = ${caller.tenantId}`
    expect(row?.sealed.toString('latin1')).not.toMatch(/garden|plum/i)
    const told = [...(await eventsOf(caller, 'cluster.rebuilt')), ...(await eventsOf(caller, 'cluster.listed'))]
    expect(JSON.stringify(told)).not.toMatch(/garden|plum/i)
  })

  test('come page by page, by topic, and from a size on', async () => {
    const caller = newCaller()
    const topics = Array.from({ length: 7 }, (_, at) => ({ topic: `topic ${at}`, size: 2 + (at % 3) }))
    await rememberAll(
      caller,
      topics.flatMap(({ topic, size }) =>
        Array.from({ length: size }, (_, at) => ({ content: `${topic} has number ${at}`, topic })),
      ),
    )
    const seen: string[] = []
    for (let cursor: string | null = ''; cursor !== null;) {
      const { body }: Answer<Page> = await clustersFor(caller, `?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`)
      seen.push(...body.items.map(({ id }) => id))
      cursor = body.next_cursor
    }
    expect([seen.length, new Set(seen).size]).toEqual([7, 7])
    expect(sizes(await clustersFor(caller, '?topic=TOPIC%203'))).toEqual([['topic 3', 2]])
    expect((await clustersFor(caller, '?min_size=4')).body.items).toHaveLength(2)
  })

  test('are the same in every process, and when they are built anew', async () => {
    const caller = newCaller()
    await rememberAll(caller, [...PLUMS, ...JOURNEY])
    const plain = (items: readonly Cluster[]) => items.map(({ built_at: _, ...rest }) => rest)
    const before = await clustersFor(caller)
    const { body } = await rebuild(caller)
    expect(body).toMatchObject({ clusters: 2, memories: 5 })
    expect(plain((await clustersFor(caller)).body.items)).toEqual(plain(before.body.items))
    const other = await memory.startAnother()
    await memory.admin`delete from clusters where tenant_id = ${caller.tenantId}`
    await memory.admin`delete from cluster_states where tenant_id = ${caller.tenantId}`
    const there = await call<Page>(other.app, caller, 'GET', '/v1/clusters')
    expect(plain(there.body.items)).toEqual(plain(before.body.items))
  })

  test('that many ask for and rebuild while others write and delete are right in the end', async () => {
    const caller = newCaller()
    const ids = await rememberAll(caller, PLUMS)
    const work = Array.from({ length: 6 }, async (_, at) => {
      await remember(memory.app, caller, { content: `Garden plum number ${at}`, topic: 'garden', category: 'home' })
      const [asked, built] = await Promise.all([clustersFor(caller), rebuild(caller)])
      if (at < 3) await call(memory.app, caller, 'DELETE', `/v1/memories/${ids[at]}`)
      return [asked.status, built.status]
    })
    expect(new Set((await Promise.all(work)).flat())).toEqual(new Set([200]))
    const { body } = await clustersFor(caller)
    expect(body.items.map(({ memories }) => memories)).toEqual([6])
    expect(JSON.stringify(body)).not.toContain('blossoms')
  })

  test('of a subject that is erased are erased', async () => {
    const caller = newCaller()
    await rememberAll(caller, PLUMS)
    await clustersFor(caller)
    await call(memory.app, caller, 'DELETE', '/v1/privacy/subjects/default')
    const rows = () => memory.admin`
      select 1 from clusters where tenant_id = ${caller.tenantId}
      union all select 1 from cluster_states where tenant_id = ${caller.tenantId}`
    await expect.poll(async () => (await rows()).length, { timeout: 10_000 }).toBe(0)
  })

  test('are built anew after the key of the subject was rotated', async () => {
    const caller = newCaller()
    await rememberAll(caller, PLUMS)
    const before = await clustersFor(caller)
    await call(memory.app, caller, 'POST', '/v1/keys/rotations', { subject_id: 'default' })
    await expect.poll(async () => (await eventsOf(caller, 'key.rotated')).length, { timeout: 15_000 }).toBe(1)
    const after = await clustersFor(caller)
    expect(after.body.items[0]?.summary).toBe(before.body.items[0]?.summary)
  })
})

describe('who may', () => {
  test('another tenant sees nothing of it', async () => {
    const caller = newCaller()
    await rememberAll(caller, PLUMS)
    await clustersFor(caller)
    expect((await clustersFor(newCaller())).body.items).toEqual([])
  })

  test.each<[Method, string, Partial<Caller>, string]>([
    ['GET', '/v1/clusters', { permissions: ['memories:read'] }, 'permission_denied'],
    ['POST', '/v1/clusters/rebuild', { permissions: ['clusters:read'] }, 'permission_denied'],
    ['POST', '/v1/clusters/rebuild', { namespaces: ['home'] }, 'namespace_not_allowed'],
    ['GET', '/v1/clusters?subject_id=bob', { subjects: ['ada'] }, 'subject_not_allowed'],
    ['GET', '/v1/clusters?namespace=work', { namespaces: ['home'] }, 'namespace_not_allowed'],
  ])('%s %s for %j is refused', async (method, url, limits, code) => {
    const body = method === 'POST' ? {} : undefined
    const answer = await call<ProblemBody>(memory.app, newCaller(limits), method, url, body)
    expect([answer.status, answer.body.code]).toEqual([403, code])
  })

  test('nobody sees clusters of a subject that withdrew consent', async () => {
    const caller = newCaller()
    await rememberAll(caller, PLUMS)
    const consent = { purpose: 'memory', status: 'withdrawn' }
    await call(memory.app, caller, 'PUT', '/v1/privacy/subjects/default/consents', consent)
    expect((await call<ProblemBody>(memory.app, caller, 'GET', '/v1/clusters')).body.code).toBe('consent_withdrawn')
    expect((await rebuild<ProblemBody>(caller)).body.code).toBe('consent_withdrawn')
  })

  test.each(['?limit=0', '?min_size=1', '?topic=', '?colour=red', '?cursor=x', '?cursor=WzEuNSwieCJd'])(
    'a list with %s is refused',
    async (query) => {
      expect((await clustersFor(newCaller(), query)).status).toBe(400)
    },
  )
})
