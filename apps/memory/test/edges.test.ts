import { randomUUID } from 'node:crypto'
import type { Edge, TraverseAnswer } from '@memoric/contracts/edge-contract.ts'
import { describe, expect, test } from 'vitest'
import { call, newCaller, type ProblemBody, remember, useMemory } from './use-memory.ts'

const memory = useMemory()
type Caller = ReturnType<typeof newCaller>

const link = (caller: Caller, from: string, to: string, type = 'relates_to', more: object = {}) =>
  call<Edge & ProblemBody>(memory.app, caller, 'POST', '/v1/edges', { from, to, type, ...more })
const edges = async (caller: Caller, query = '') =>
  (await call<{ items: Edge[]; next_cursor: string | null }>(memory.app, caller, 'GET', `/v1/edges${query}`)).body
const edgesOf = (caller: Caller, id: string, query = '') =>
  call<{ items: Edge[] } & ProblemBody>(memory.app, caller, 'GET', `/v1/memories/${id}/edges${query}`)
const traverse = (caller: Caller, body: object) =>
  call<TraverseAnswer & ProblemBody>(memory.app, caller, 'POST', '/v1/edges/traverse', body)
const eventsOf = async (caller: Caller, type: string) =>
  (await memory.events(type)).filter(({ tenantid }) => tenantid === caller.tenantId)

async function memories(caller: Caller, count: number, more: object = {}): Promise<string[]> {
  const ids: string[] = []
  for (let at = 0; at < count; at++) {
    ids.push((await remember(memory.app, caller, { content: `number ${at}`, on_duplicate: 'create', ...more })).body.id)
  }
  return ids
}

describe('an edge', () => {
  test('links two memories, is told of without its properties, and is there for both', async () => {
    const caller = newCaller()
    const [one, two] = await memories(caller, 2)
    const { status, body } = await link(caller, one!, two!, 'supports', { properties: { why: 'tea' } })
    expect(status).toBe(201)
    expect(body).toMatchObject({ from: one, to: two, type: 'supports', properties: { why: 'tea' } })
    expect(body.created_by).toBe(`api_key:${caller.principal.id}`)
    expect((await edgesOf(caller, one!)).body.items).toEqual([body])
    expect((await edgesOf(caller, two!, '?direction=in')).body.items).toEqual([body])
    expect((await edgesOf(caller, two!, '?direction=out')).body.items).toEqual([])
    const [told] = await eventsOf(caller, 'edge.created')
    expect(told!.data.details).toMatchObject({ from: one, to: two, edge_type: 'supports' })
    expect(JSON.stringify(told)).not.toContain('tea')
    const [row] = await memory.admin`select sealed from edges where id = ${body.id}`
    expect((row!['sealed'] as Buffer).includes('tea')).toBe(false)
  })

  test('is made once: the same again answers 200, with other properties 409', async () => {
    const caller = newCaller()
    const [one, two] = await memories(caller, 2)
    const first = await link(caller, one!, two!, 'causes', { properties: { n: 1 } })
    const again = await link(caller, one!, two!, 'causes', { properties: { n: 1 } })
    expect([again.status, again.body.id]).toEqual([200, first.body.id])
    expect((await link(caller, one!, two!, 'causes')).status).toBe(200)
    const other = await link(caller, one!, two!, 'causes', { properties: { n: 2 } })
    expect([other.status, other.body.code]).toEqual([409, 'edge_exists'])
    expect((await edges(caller)).items).toHaveLength(1)
    expect(await eventsOf(caller, 'edge.created')).toHaveLength(1)
  })

  test('of many made at once is made once', async () => {
    const caller = newCaller()
    const [one, two] = await memories(caller, 2)
    const answers = await Promise.all(Array.from({ length: 12 }, () => link(caller, one!, two!, 'part_of')))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(11)
  })

  test.each([
    [{ type: 'likes' }, '/type'],
    [{ properties: { a: 'x'.repeat(5000) } }, '/properties'],
    [{ properties: [] }, '/properties'],
    [{ colour: 'red' }, '/colour'],
    [{ to: 'x' }, '/to'],
  ])('of another shape is refused: %j', async (more, pointer) => {
    const caller = newCaller()
    const [one, two] = await memories(caller, 2)
    const { status, body } = await link(caller, one!, two!, 'relates_to', more)
    expect([status, body.code]).toEqual([400, 'validation_failed'])
    expect(body.errors![0]!.pointer).toBe(pointer)
    expect((await edges(caller)).items).toEqual([])
  })

  test('from a memory to itself is refused', async () => {
    const caller = newCaller()
    const [one] = await memories(caller, 1)
    const { status, body } = await link(caller, one!, one!)
    expect([status, body.errors![0]!.pointer]).toEqual([400, '/to'])
  })

  test('goes with either of its memories, by a deletion, an expiry or an erasure', async () => {
    const caller = newCaller()
    const [one, two, three] = await memories(caller, 3)
    const [other] = await memories(caller, 1, { subject_id: 'bob' })
    await link(caller, one!, two!)
    await link(caller, two!, three!)
    await link(caller, three!, other!)
    await call(memory.app, caller, 'DELETE', `/v1/memories/${one!}`)
    expect((await edges(caller)).items).toHaveLength(2)
    await memory.admin`update memories set expires_at = now() - interval '1 second' where id = ${two!}`
    expect((await edges(caller)).items).toHaveLength(1)
    await call(memory.app, caller, 'DELETE', '/v1/privacy/subjects/bob')
    await expect
      .poll(async () => (await memory.admin`select 1 from edges where to_id = ${other!}`).length, { timeout: 10_000 })
      .toBe(0)
  })

  test('can be deleted, and both memories stay', async () => {
    const caller = newCaller()
    const [one, two] = await memories(caller, 2)
    const { body } = await link(caller, one!, two!)
    expect((await call(memory.app, caller, 'DELETE', `/v1/edges/${body.id}`)).status).toBe(204)
    const again = await call<ProblemBody>(memory.app, caller, 'DELETE', `/v1/edges/${body.id}`)
    expect([again.status, again.body.code]).toEqual([404, 'edge_not_found'])
    expect((await call(memory.app, caller, 'GET', `/v1/memories/${one!}`)).status).toBe(200)
    expect(await eventsOf(caller, 'edge.deleted')).toHaveLength(1)
  })

  test('is not shown when either of its subjects has withdrawn consent', async () => {
    const caller = newCaller()
    const [one] = await memories(caller, 1, { subject_id: 'ada' })
    const [two] = await memories(caller, 1, { subject_id: 'bob' })
    await link(caller, one!, two!)
    const path = '/v1/privacy/subjects/bob/consents'
    await call(memory.app, caller, 'PUT', path, { purpose: 'memory', status: 'withdrawn' })
    expect((await edges(caller)).items).toEqual([])
    expect((await edgesOf(caller, one!)).body.items).toEqual([])
    await call(memory.app, caller, 'PUT', path, { purpose: 'memory', status: 'granted' })
    expect((await edges(caller)).items).toHaveLength(1)
  })

  test('needs a subject that allows it', async () => {
    const caller = newCaller()
    const [one] = await memories(caller, 1, { subject_id: 'ada' })
    const [two] = await memories(caller, 1, { subject_id: 'bob' })
    await link(caller, two!, one!)
    const path = '/v1/privacy/subjects/bob/consents'
    await call(memory.app, caller, 'PUT', path, { purpose: 'memory', status: 'withdrawn' })
    const refused = await link(caller, one!, two!)
    expect([refused.status, refused.body.code]).toEqual([403, 'consent_withdrawn'])
    expect((await edges(caller)).items).toEqual([])
    expect((await traverse(caller, { from: one, direction: 'in' })).body.nodes).toHaveLength(1)
  })
})

describe('types without circles', () => {
  test.each(['depends_on', 'part_of', 'derived_from', 'supersedes'])('%s leads in no circle', async (type) => {
    const caller = newCaller()
    const [one, two, three] = await memories(caller, 3)
    await link(caller, one!, two!, type)
    await link(caller, two!, three!, type)
    for (const [from, to] of [
      [two!, one!],
      [three!, one!],
    ] as const) {
      const { status, body } = await link(caller, from, to, type)
      expect([status, body.code]).toEqual([409, 'edge_cycle'])
    }
    expect((await link(caller, one!, three!, type)).status).toBe(201)
    expect((await link(caller, three!, one!, 'contradicts')).status).toBe(201)
    expect((await edges(caller)).items).toHaveLength(4)
  })

  test('edges made at once never close a circle together', async () => {
    const another = await memory.startAnother()
    const caller = newCaller()
    for (let round = 0; round < 5; round++) {
      const ids = await memories(caller, 5)
      const answers = await Promise.all(
        ids.map((from, at) =>
          call<ProblemBody>([memory, another][at % 2]!.app, caller, 'POST', '/v1/edges', {
            from,
            to: ids[(at + 1) % ids.length],
            type: 'depends_on',
          }),
        ),
      )
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(4)
      expect(answers.filter(({ body }) => body.code === 'edge_cycle')).toHaveLength(1)
    }
  })

  test('a circle through subjects that the caller does not see is refused, too', async () => {
    const owner = newCaller()
    const [mine, also] = await memories(owner, 2, { subject_id: 'ada' })
    const [hidden] = await memories(owner, 1, { subject_id: 'bob' })
    await link(owner, mine!, hidden!, 'part_of')
    await link(owner, hidden!, also!, 'part_of')
    const limited = newCaller({ tenantId: owner.tenantId, subjects: ['ada'] })
    const { status, body } = await link(limited, also!, mine!, 'part_of')
    expect([status, body.code]).toEqual([409, 'edge_cycle'])
  })
})

describe('edges are for who may see both ends', () => {
  test('ids of another tenant are not there', async () => {
    const [caller, stranger] = [newCaller(), newCaller()]
    const [one, two] = await memories(caller, 2)
    const [theirs] = await memories(stranger, 1)
    const { body } = await link(caller, one!, two!)
    for (const [from, to] of [
      [theirs!, one!],
      [one!, theirs!],
      [one!, randomUUID()],
    ] as const) {
      const { status, body: problem } = await link(caller, from, to)
      expect([status, problem.code]).toEqual([404, 'memory_not_found'])
    }
    expect((await edgesOf(stranger, one!)).body.code).toBe('memory_not_found')
    expect((await traverse(stranger, { from: one })).body.code).toBe('memory_not_found')
    const gone = await call<ProblemBody>(memory.app, stranger, 'DELETE', `/v1/edges/${body.id}`)
    expect(gone.body.code).toBe('edge_not_found')
    expect((await edges(stranger)).items).toEqual([])
  })

  test.each([{ subjects: ['ada'] }, { namespaces: ['ada'] }])('a key limited to %j', async (limits) => {
    const owner = newCaller()
    const [one, two] = await memories(owner, 2, { subject_id: 'ada', namespace: 'ada' })
    const [three] = await memories(owner, 1, { subject_id: 'bob', namespace: 'bob' })
    await link(owner, one!, two!)
    const across = (await link(owner, two!, three!)).body
    const limited = newCaller({ tenantId: owner.tenantId, ...limits })
    expect((await link(limited, one!, three!)).body.code).toBe('memory_not_found')
    expect((await edges(limited)).items).toHaveLength(1)
    expect((await edgesOf(limited, two!)).body.items).toHaveLength(1)
    expect((await traverse(limited, { from: one, depth: 5 })).body.nodes).toHaveLength(2)
    expect((await call(memory.app, limited, 'DELETE', `/v1/edges/${across.id}`)).status).toBe(404)
    expect((await edges(owner)).items).toHaveLength(2)
  })
})

describe('walking along edges', () => {
  async function chain(caller: Caller, length: number): Promise<string[]> {
    const ids = await memories(caller, length)
    for (let at = 1; at < length; at++) await link(caller, ids[at - 1]!, ids[at]!, 'depends_on')
    return ids
  }

  test('gives memories depth by depth, each once, with the edges that lead to it', async () => {
    const caller = newCaller()
    const [a, b, c, d] = await memories(caller, 4)
    const ab = (await link(caller, a!, b!)).body
    const ac = (await link(caller, a!, c!, 'causes')).body
    const bd = (await link(caller, b!, d!)).body
    await link(caller, c!, d!)
    await link(caller, d!, a!)
    const { body } = await traverse(caller, { from: a, depth: 5 })
    const told = body.nodes.map(({ memory: { id }, depth, path }) => [id, depth, path])
    expect(told).toEqual([
      [a, 0, []],
      [b, 1, [ab.id]],
      [c, 1, [ac.id]],
      [d, 2, [ab.id, bd.id]],
    ])
    expect(body.edges.map(({ id }) => id)).toEqual([ab.id, ac.id, bd.id])
    expect(body.truncated).toBe(false)
    const some = await traverse(caller, { from: a, types: ['causes'], depth: 5 })
    expect(some.body.nodes.map(({ memory: { id } }) => id)).toEqual([a, c])
    const read = async () => (await eventsOf(caller, 'edge.traversed'))[0]?.data.details['memory_ids']
    await expect.poll(read).toEqual([a, b, c, d])
  })

  test('goes against the edges and both ways, as far as was asked for', async () => {
    const caller = newCaller()
    const ids = await chain(caller, 7)
    const idsOf = ({ body }: Awaited<ReturnType<typeof traverse>>) => body.nodes.map(({ memory: { id } }) => id)
    expect(idsOf(await traverse(caller, { from: ids[0], depth: 5 }))).toEqual(ids.slice(0, 6))
    expect(idsOf(await traverse(caller, { from: ids[6], depth: 2, direction: 'in' }))).toEqual([ids[6], ids[5], ids[4]])
    expect(idsOf(await traverse(caller, { from: ids[3], depth: 1, direction: 'both' }))).toEqual([
      ids[3],
      ids[2],
      ids[4],
    ])
    const cut = await traverse(caller, { from: ids[0], depth: 5, limit: 2 })
    expect([idsOf(cut).length, cut.body.truncated]).toEqual([3, true])
  })

  test.each([{ depth: 6 }, { depth: 0 }, { limit: 201 }, { types: [] }, { direction: 'up' }])(
    'with %j is refused',
    async (more) => {
      const caller = newCaller()
      const [one] = await memories(caller, 1)
      const { status, body } = await traverse(caller, { from: one, ...more })
      expect([status, body.code]).toEqual([400, 'validation_failed'])
    },
  )

  test('lists in pages', async () => {
    const caller = newCaller()
    await chain(caller, 5)
    const first = await edges(caller, '?limit=3')
    const second = await edges(caller, `?limit=3&cursor=${first.next_cursor!}`)
    expect([first.items.length, second.items.length, second.next_cursor]).toEqual([3, 1, null])
    expect(new Set([...first.items, ...second.items].map(({ id }) => id)).size).toBe(4)
    await expect.poll(async () => (await eventsOf(caller, 'edge.read')).length).toBe(2)
    const bad = await call<ProblemBody>(memory.app, caller, 'GET', '/v1/edges?cursor=x')
    expect(bad.body.code).toBe('invalid_cursor')
    expect((await edges(caller, '?type=causes')).items).toEqual([])
  })
})

test('properties are readable after the key of their subject was replaced', async () => {
  const caller = newCaller()
  const [one, two] = await memories(caller, 2, { subject_id: 'ada' })
  await link(caller, one!, two!, 'supports', { properties: { why: 'tea' } })
  await call(memory.app, caller, 'POST', '/v1/keys/rotations', { subject_id: 'ada' })
  await expect
    .poll(
      async () =>
        (await memory.admin`select 1 from subject_keys where tenant_id = ${caller.tenantId} and version = 1`).length,
      {
        timeout: 20_000,
      },
    )
    .toBe(0)
  expect((await edges(caller)).items[0]!.properties).toEqual({ why: 'tea' })
})
