import type { Caller } from '@memoric/contracts/caller.ts'
import type { KeyRotation } from '@memoric/contracts/key-contract.ts'
import type { Erasure } from '@memoric/contracts/privacy-contract.ts'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { quantise } from '../src/embeddings/quantise.ts'
import { runMemoryOperator } from '../src/operator/run-memory-operator.ts'
import { useLogEnd } from './answer-erasures.ts'
import { processSettings } from './memory-settings.ts'
import { rememberMany } from './stored-segments.ts'
import { answerJson, answerWell, similarityOf, useEmbeddingEndpoint, vectorOf } from './use-embedding-endpoint.ts'
import { allEmbedded, embeddingSettings, storedBlocks, storedVectors } from './use-embeddings.ts'
import { call, contents, newCaller, remember, search, type TestProcess, useMemory } from './use-memory.ts'

const memory = useMemory()
const endpoint = useEmbeddingEndpoint()
useLogEnd(memory.nats)
const METRICS_TOKEN = 'a token for metrics'
let near: TestProcess

beforeAll(async () => {
  near = await memory.startAnother(embeddingSettings(endpoint.url, { EMBEDDINGS_KEY: 'a key of ours', METRICS_TOKEN }))
})

// Breakers remember what earlier tests did to the endpoint.
beforeEach(async () => {
  await expect
    .poll(async () => (await search(near.app, newCaller(), { query: `x${Math.random()}` })).body.embeddings, {
      timeout: 35_000,
      interval: 200,
    })
    .toBe('used')
  endpoint.requests.length = 0
})

const tell = (caller: Caller, content: string, more: object = {}, { app } = near) =>
  remember(app, caller, { content, subject_id: 'ada', ...more })
const find = (caller: Caller, query: string, more: object = {}, { app } = near) =>
  search(app, caller, { query, subject_id: 'ada', ...more })
const embedded = (caller: Caller, process = near) => allEmbedded(memory, process, caller)
const texts = () => endpoint.requests.flatMap(({ input }) => input)

describe('finding by meaning', () => {
  test('finds a memory that has no word of the query, explains it, and adds up', async () => {
    const caller = newCaller()
    await tell(caller, 'My automobile is with the physician', { speaker: 'Bob' })
    await tell(caller, 'It rained the whole night')
    await embedded(caller)
    const answer = await find(caller, 'the doctor and his vehicle', { explain: true })
    expect(contents(answer)).toEqual(['My automobile is with the physician'])
    expect(answer.body).toMatchObject({ embeddings: 'used', embedded: 2, searched: 2 })
    const [{ score, explanation } = { score: 0, explanation: undefined }] = answer.body.results
    const value = similarityOf('the doctor and his vehicle', 'Bob: My automobile is with the physician')
    expect(explanation?.similarity?.value).toBeCloseTo(value, 12)
    expect(explanation?.similarity?.weight).toBe(0.3)
    expect(explanation?.relevance.value).toBe(0)
    const sum = Object.values(explanation ?? {}).reduce((total, part) => total + (part?.contribution ?? 0), 0)
    expect(sum).toBeCloseTo(score, 12)
    expect(endpoint.requests[0]).toMatchObject({ model: 'bag', authorization: 'Bearer a key of ours' })
  })

  test('a weight of 0 does without, and gives the query to nobody', async () => {
    const caller = newCaller()
    await tell(caller, 'a cup of tea')
    await embedded(caller)
    endpoint.requests.length = 0
    const answer = await find(caller, 'infusion', { weights: { embedding: 0 }, explain: true })
    expect([contents(answer), answer.body.embeddings, texts()]).toEqual([[], undefined, []])
    expect(contents(await find(caller, 'infusion', { weights: { embedding: 1 } }))).toEqual(['a cup of tea'])
  })

  test('a query is given away once, without what it excludes, and none without words', async () => {
    const caller = newCaller()
    await tell(caller, 'a brew')
    await embedded(caller)
    endpoint.requests.length = 0
    for (const query of [
      '"hot" tea -milk -"green cup" drin*',
      '"hot" tea -milk -"green cup" drin*',
      '-milk',
      '',
      '!!',
    ]) {
      expect((await find(caller, query)).status).toBe(200)
    }
    expect(texts()).toEqual(['hot tea drin'])
  })

  test('filters, scopes, exclusions and namespaces hold for what is found by meaning', async () => {
    const caller = newCaller()
    await tell(caller, 'a brew at work', { namespace: 'work', thread_id: 't1' })
    await tell(caller, 'a brew at home with milk', { tags: ['home'] })
    await embedded(caller)
    expect(contents(await find(caller, 'infusion', { filters: { tags: ['home'] } }))).toEqual([
      'a brew at home with milk',
    ])
    expect(contents(await find(caller, 'infusion -milk'))).toEqual(['a brew at work'])
    expect(contents(await find(caller, 'infusion', { thread_id: 't1' }))).toEqual(['a brew at work'])
    expect(contents(await find({ ...caller, namespaces: ['default'] }, 'infusion'))).toEqual([
      'a brew at home with milk',
    ])
    expect(contents(await find(newCaller(), 'infusion'))).toEqual([])
    const all = await search(near.app, caller, { query: 'infusion', scope: 'namespace', namespace: 'work' })
    expect([contents(all), all.body.embedded]).toEqual([['a brew at work'], 1])
  })

  test('memories of one meaning are in the order of their ids', async () => {
    const caller = newCaller()
    const more = { on_duplicate: 'create', occurred_at: '2026-01-01T00:00:00Z' }
    for (let at = 0; at < 5; at++) await tell(caller, 'a puppy', more)
    await embedded(caller)
    const ids = (await find(caller, 'hound')).body.results.map(({ memory: { id } }) => id)
    expect(ids).toHaveLength(5)
    expect(ids).toEqual(ids.toSorted())
    // The same text is given away once.
    expect(texts().filter((text) => text === 'a puppy')).toHaveLength(1)
  })

  test('a process without an endpoint does not know of it', async () => {
    const caller = newCaller()
    await tell(caller, 'a brew')
    await embedded(caller)
    expect(memory.deps.embeddings).toBeUndefined()
    const answer = await find(caller, 'infusion', { weights: { embedding: 5 }, explain: true }, memory)
    expect([contents(answer), answer.body.embeddings, answer.body.embedded]).toEqual([[], undefined, undefined])
  })
})

describe('an endpoint that is not well', () => {
  test('keeps no write waiting, and a search answers without it as if it were off', async () => {
    const caller = newCaller()
    await tell(caller, 'a cup of tea')
    await tell(caller, 'tea and a brew of tea')
    endpoint.behave(() => undefined)
    const answer = await find(caller, 'tea tonight', { explain: true })
    const without = await find(caller, 'tea tonight', { explain: true }, memory)
    expect(answer.body.embeddings).toBe('unavailable')
    expect(answer.body.results.map(({ memory: { id } }) => id)).toEqual(
      without.body.results.map(({ memory: { id } }) => id),
    )
    for (const [at, { score, explanation }] of answer.body.results.entries()) {
      expect(score).toBeCloseTo(without.body.results[at]!.score, 6)
      expect(explanation?.similarity).toBeUndefined()
    }
  })

  test('is asked again later, by whoever finds the memories: after a restart, too', async () => {
    const caller = newCaller()
    endpoint.behave(() => undefined)
    const dying = await memory.startAnother(embeddingSettings(endpoint.url))
    await tell(caller, 'a brew', {}, dying)
    await expect.poll(texts).toContain('a brew')
    await dying.deps.embeddings?.close()
    endpoint.behaveWell()
    await memory.admin`update vector_progress set leased_until = now() where tenant_id = ${caller.tenantId}`
    const next = await memory.startAnother(embeddingSettings(endpoint.url))
    await embedded(caller, next)
    expect(contents(await find(caller, 'infusion', {}, next))).toEqual(['a brew'])
  })

  test('a memory that it does not take is left out, and found by its words', async () => {
    const caller = newCaller()
    endpoint.behave((request, response) =>
      request.input.some((text) => text.includes('poison'))
        ? answerJson(response, {}, 400)
        : answerWell(request, response),
    )
    const before = near.deps.embeddings!.counts().refused
    await call(near.app, caller, 'POST', '/v1/memories/batch', {
      items: ['poison', 'a brew', 'a puppy'].map((content) => ({ content, subject_id: 'ada' })),
    })
    await embedded(caller)
    expect((await find(caller, 'infusion')).body).toMatchObject({ embedded: 2, searched: 3 })
    expect(contents(await find(caller, 'poison'))).toEqual(['poison'])
    expect(near.deps.embeddings!.counts().refused).toBe(before + 1)
  })

  test('vectors of other dimensions than those of the query are not compared', async () => {
    const caller = newCaller()
    endpoint.behave((request, response) => answerWell({ ...request, dimensions: 16 }, response))
    await tell(caller, 'a brew')
    await embedded(caller)
    endpoint.behaveWell()
    const answer = await find(caller, 'infusion')
    expect([contents(answer), answer.body.embedded]).toEqual([[], 0])
  })
})

test('metrics tell what waits, what was made, and what had to do without', async () => {
  const caller = newCaller()
  await tell(caller, 'a brew')
  await embedded(caller)
  const answer = await near.app.inject({ url: '/metrics', headers: { authorization: `Bearer ${METRICS_TOKEN}` } })
  for (const name of ['total', 'refused_total', 'waiting']) expect(answer.body).toMatch(`memoric_embeddings_${name}{`)
  expect(answer.body).toMatch('memoric_embedding_failures_total{')
  expect(answer.body).toMatch(/memoric_queries_without_embedding_total{[^}]*} [1-9]/)
  expect(answer.body).toMatch('memoric_vector_bytes{')
})

test.each([
  [{ EMBEDDINGS_URL: 'http://127.0.0.1:1/v1', EMBEDDINGS_MODEL: '' }, 'EMBEDDINGS_MODEL'],
  [{ EMBEDDINGS_URL: 'ftp://127.0.0.1/v1', EMBEDDINGS_MODEL: 'm' }, 'EMBEDDINGS_URL'],
  [{ EMBEDDINGS_URL: 'http://user:word@127.0.0.1/v1', EMBEDDINGS_MODEL: 'm' }, 'EMBEDDINGS_URL'],
  [{ EMBEDDINGS_MIN_SIMILARITY: '1.2' }, 'EMBEDDINGS_MIN_SIMILARITY'],
])('refuses to start with %j', async (settings, name) => {
  await expect(memory.startAnother(settings as Record<string, string>)).rejects.toThrow(name)
})

describe('changes', () => {
  /** Has the endpoint wait with its answer to a text until told. */
  function holdBack(part: string): { readonly asked: Promise<undefined>; release(): void } {
    const asked = Promise.withResolvers<undefined>()
    const released = Promise.withResolvers<undefined>()
    endpoint.behave(async (request, response) => {
      if (request.input.some((text) => text.includes(part))) {
        asked.resolve(undefined)
        await released.promise
      }
      answerWell(request, response)
    })
    return { asked: asked.promise, release: () => released.resolve(undefined) }
  }

  test('the vector of a version that was replaced meanwhile is never taken for the new one', async () => {
    const caller = newCaller()
    const held = holdBack('brew')
    const { body } = await tell(caller, 'a brew')
    await held.asked
    await call(near.app, caller, 'PATCH', `/v1/memories/${body.id}`, { content: 'a puppy' })
    held.release()
    await embedded(caller)
    expect((await storedVectors(near, caller)).map(({ version }) => version)).toEqual([2])
    expect(contents(await find(caller, 'infusion'))).toEqual([])
    expect(contents(await find(caller, 'hound'))).toEqual(['a puppy'])
  })

  test('nothing is stored of a memory that was deleted meanwhile', async () => {
    const caller = newCaller()
    const held = holdBack('brew')
    const { body } = await tell(caller, 'a brew')
    await held.asked
    expect((await call(near.app, caller, 'DELETE', `/v1/memories/${body.id}`)).status).toBe(204)
    held.release()
    await embedded(caller)
    expect(await storedVectors(near, caller)).toEqual([])
  })

  test('deleting a memory takes its vector out of the block in the same request, in a process without an endpoint, too', async () => {
    const caller = newCaller()
    const [one, two] = await rememberMany(near.app, caller, 3)
    await embedded(caller)
    expect(await storedVectors(near, caller)).toHaveLength(3)
    await call(near.app, caller, 'DELETE', `/v1/memories/${one!.id}`)
    expect(await storedVectors(near, caller)).toHaveLength(2)
    await call(memory.app, caller, 'DELETE', `/v1/memories/${two!.id}`)
    expect(await storedVectors(near, caller)).toHaveLength(1)
    expect((await find(caller, 'tea')).body).toMatchObject({ searched: 1, embedded: 1 })
  })

  test('a change that leaves the text as it was asks for nothing', async () => {
    const caller = newCaller()
    const { body } = await tell(caller, 'a brew')
    await tell(caller, 'a brew')
    await embedded(caller)
    endpoint.requests.length = 0
    await call(near.app, caller, 'PATCH', `/v1/memories/${body.id}`, { importance: 'high' })
    await tell(caller, 'a brew')
    await embedded(caller)
    expect(texts()).toEqual([])
    expect(contents(await find(caller, 'infusion'))).toEqual(['a brew'])
  })

  test('many small writes come to few blocks, without vectors of replaced versions', async () => {
    const caller = newCaller()
    const { body } = await tell(caller, 'brew 0')
    await embedded(caller)
    await call(near.app, caller, 'PATCH', `/v1/memories/${body.id}`, { content: 'brew changed' })
    for (let at = 1; at <= 12; at++) {
      await tell(caller, `brew ${at}`)
      await embedded(caller)
    }
    const blocks = await storedBlocks(near, caller)
    expect(blocks.length).toBeLessThan(8)
    const stored = await storedVectors(near, caller)
    expect(stored.map(({ version }) => version).toSorted()).toEqual([...Array.from({ length: 12 }, () => 1), 2])
  })

  test('another model makes its own vectors, and those of the other stay out of it', async () => {
    const caller = newCaller()
    await tell(caller, 'a brew of the other model')
    await embedded(caller)
    const other = await memory.startAnother(embeddingSettings(endpoint.url, { EMBEDDINGS_MODEL: 'other' }))
    await allEmbedded(memory, other, caller, 'other')
    expect(
      endpoint.requests.filter(({ model, input }) => model === 'other' && input.includes('a brew of the other model')),
    ).toHaveLength(1)
    expect((await find(caller, 'infusion', {}, other)).body.embedded).toBe(1)
    expect(await storedVectors(near, caller)).toHaveLength(1)
    await memory.admin`
      update vector_progress set touched_at = now() - interval '2 days' where tenant_id = ${caller.tenantId}`
    await tell(caller, 'a puppy', {}, other)
    await allEmbedded(memory, other, caller, 'other')
    await expect.poll(async () => (await storedVectors(near, caller)).length).toBe(0)
    await other.deps.embeddings?.close()
  })
})

describe('what a tenant and a subject decide', () => {
  async function operator(...args: string[]): Promise<{ code: number; out: string[] }> {
    const out: string[] = []
    const env = { ...processSettings, ...memory.settings(), ...embeddingSettings(endpoint.url) }
    const code = await runMemoryOperator(['embeddings', ...args], {
      env,
      out: (line) => out.push(line),
      err: () => undefined,
    })
    return { code, out }
  }

  test('nothing of a tenant that the operator has turned off is given away, and its vectors go', async () => {
    const caller = newCaller()
    await tell(caller, 'a brew')
    await embedded(caller)
    expect(await operator('off', caller.tenantId)).toEqual({ code: 0, out: ['embeddings of this tenant: off'] })
    expect(await storedVectors(near, caller)).toEqual([])
    await new Promise((resolve) => setTimeout(resolve, 5100))
    endpoint.requests.length = 0
    await tell(caller, 'a puppy')
    const answer = await find(caller, 'hound puppy')
    await near.deps.embeddings?.sweep()
    expect([contents(answer), answer.body.embeddings, texts()]).toEqual([['a puppy'], undefined, []])
    expect((await operator('on', caller.tenantId)).out).toEqual(['embeddings of this tenant: on'])
    await embedded(caller)
    expect(await storedVectors(near, caller)).toHaveLength(2)
    const events = (await memory.events('embeddings.changed')).filter(({ tenantid }) => tenantid === caller.tenantId)
    expect(events.map(({ data }) => data.details)).toEqual([{ embeddings: 'off' }, { embeddings: 'on' }])
    for (const wrong of [[], ['off'], ['off', 'x'], ['maybe', caller.tenantId], ['on', caller.tenantId, 'x']]) {
      expect((await operator(...wrong)).code).toBe(2)
    }
  }, 60_000)

  test('nothing of a subject that has withdrawn consent is given away', async () => {
    const caller = newCaller()
    const consents = '/v1/privacy/subjects/ada/consents'
    endpoint.behave(() => undefined)
    await tell(caller, 'a brew', {}, memory)
    await call(near.app, caller, 'PUT', consents, { purpose: 'memory', status: 'withdrawn' })
    // A sweep in the moment before may have given it away while that was right.
    const before = texts()
    near.deps.embeddings?.wake({ tenantId: caller.tenantId, subjectId: 'ada' })
    await near.deps.embeddings?.sweep()
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(texts()).toEqual(before)
    endpoint.behaveWell()
    await call(near.app, caller, 'PUT', consents, { purpose: 'memory', status: 'granted' })
    await embedded(caller)
    expect(texts()).toContain('a brew')
  })

  test('an erasure leaves no vector, on disk or in memory', async () => {
    const caller = newCaller()
    await tell(caller, 'a brew')
    await embedded(caller)
    await find(caller, 'infusion')
    const { body } = await call<Erasure>(near.app, caller, 'DELETE', '/v1/privacy/subjects/ada')
    const state = async () =>
      (await call<Erasure>(near.app, caller, 'GET', `/v1/privacy/erasures/${body.id}`)).body.step
    await expect.poll(state, { timeout: 20_000 }).toBe('done')
    const rows = await memory.admin`
      select 1 from vector_blocks where tenant_id = ${caller.tenantId}
      union all select 1 from vector_progress where tenant_id = ${caller.tenantId}`
    expect(rows).toEqual([])
    expect(contents(await find(caller, 'infusion'))).toEqual([])
  })
})

describe('at rest', () => {
  test('neither vectors nor hashes of texts are readable, and a block opens in its own row only', async () => {
    const caller = newCaller()
    await tell(caller, 'a brew of quokka')
    await embedded(caller)
    const rows = await memory.admin<{ block_id: string; sealed: Buffer }[]>`
      select block_id, sealed from vector_blocks where tenant_id = ${caller.tenantId}`
    const [{ hash } = { hash: 'none' }] = await storedVectors(near, caller)
    const bytes = Buffer.from(quantise(vectorOf('a brew of quokka')).values)
    for (const { sealed } of rows) {
      expect(sealed.includes(bytes)).toBe(false)
      expect(sealed.includes(Buffer.from(hash, 'hex'))).toBe(false)
      expect(sealed.includes('quokka')).toBe(false)
    }
    await memory.admin`update vector_blocks set block_id = ${crypto.randomUUID()} where tenant_id = ${caller.tenantId}`
    await expect(storedVectors(near, caller)).rejects.toThrow('damaged')
  })

  test('a block with a flipped bit is dropped, told of, and made anew', async () => {
    const caller = newCaller()
    await tell(caller, 'a brew')
    await embedded(caller)
    near.deps.embeddings?.forget({ tenantId: caller.tenantId, subjectId: 'ada' })
    await memory.admin`
      update vector_blocks set sealed = set_byte(sealed, 90, get_byte(sealed, 90) # 1) where tenant_id = ${caller.tenantId}`
    const answer = await find(caller, 'infusion')
    expect([answer.status, answer.body.embedded]).toEqual([200, 0])
    await embedded(caller)
    expect(contents(await find(caller, 'infusion'))).toEqual(['a brew'])
    const events = (await memory.events('index.rebuilt')).filter(({ tenantid }) => tenantid === caller.tenantId)
    expect(events.map(({ data }) => data.reason)).toEqual(['damaged'])
  })

  test('rotating the key of a subject seals its vectors anew, and asks for nothing', async () => {
    const caller = newCaller()
    await rememberMany(near.app, caller, 5)
    await embedded(caller)
    endpoint.requests.length = 0
    const { body } = await call<KeyRotation>(near.app, caller, 'POST', '/v1/keys/rotations', { subject_id: 'ada' })
    const state = async () =>
      (await call<KeyRotation>(near.app, caller, 'GET', `/v1/keys/rotations/${body.id}`)).body.state
    await expect.poll(state, { timeout: 20_000 }).toBe('done')
    near.deps.embeddings?.forget({ tenantId: caller.tenantId, subjectId: 'ada' })
    expect((await find(caller, 'infusion')).body.embedded).toBe(5)
    expect(texts()).toEqual(['infusion'])
  })
})
