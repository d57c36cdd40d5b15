import type { Caller } from '@memoric/contracts/caller.ts'
import type { Problem } from '@memoric/contracts/error-codes.ts'
import type { Consent } from '@memoric/contracts/privacy-contract.ts'
import { describe, expect, test } from 'vitest'
import { useLogEnd } from './answer-erasures.ts'
import { type Answer, call, contents, newCaller, remember, search, useMemory } from './use-memory.ts'

const memory = useMemory()
useLogEnd(memory.nats)

const strict = (limits: Partial<Caller> = {}): Caller =>
  newCaller({ settings: { consent_required: true, audit_reads: 'all' }, ...limits })

function put(caller: Caller, body: object, subject = 'ada', app = memory.app): Promise<Answer<Consent>> {
  return call<Consent>(app, caller, 'PUT', `/v1/privacy/subjects/${subject}/consents`, body)
}

async function records(caller: Caller, query = '', subject = 'ada') {
  const url = `/v1/privacy/subjects/${subject}/consents${query}`
  return (await call<{ items: Consent[]; next_cursor: string | null }>(memory.app, caller, 'GET', url)).body
}

const grant = (caller: Caller, more: object = {}) => put(caller, { purpose: 'memory', status: 'granted', ...more })
const withdraw = (caller: Caller) => put(caller, { purpose: 'memory', status: 'withdrawn' })
const write = (caller: Caller, content = 'tea') => remember(memory.app, caller, { content, subject_id: 'ada' })
const inMs = (ms: number) => new Date(Date.now() + ms).toISOString()

const refusedWith = (code: string) => ({ status: 403, body: { code } })

describe('recording consents', () => {
  test('gives what was recorded, and keeps what it replaced', async () => {
    const caller = newCaller()
    const evidence = { form: 7, signed: true, words: ['I agree'] }
    const first = await grant(caller, { evidence, granted_at: '2026-01-02T03:04:05Z', expires_at: inMs(60_000) })
    expect(first).toMatchObject({
      status: 200,
      body: {
        purpose: 'memory',
        version: 1,
        status: 'granted',
        is_valid: true,
        evidence,
        granted_at: '2026-01-02T03:04:05.000Z',
      },
    })
    const second = await withdraw(caller)
    expect(second.body).toMatchObject({
      version: 2,
      status: 'withdrawn',
      is_valid: false,
      granted_at: null,
      expires_at: null,
    })
    await put(caller, { purpose: 'newsletter', status: 'granted' })
    const current = await records(caller)
    expect(current.items.map(({ purpose, version }) => [purpose, version])).toEqual([
      ['newsletter', 1],
      ['memory', 2],
    ])
    const all = await records(caller, '?history=true&purpose=memory')
    expect(all.items).toEqual([second.body, { ...first.body, is_valid: false }])
  })

  test('the same again changes and tells nothing', async () => {
    const caller = newCaller()
    const first = await grant(caller, { evidence: 'form 7' })
    expect((await grant(caller, { evidence: 'form 7' })).body).toEqual(first.body)
    expect((await grant(caller)).body).toEqual(first.body)
    expect((await grant(caller, { evidence: 'form 8' })).body.version).toBe(2)
    const told = (await memory.events('consent.granted')).filter(({ tenantid }) => tenantid === caller.tenantId)
    expect(told.map(({ data }) => data.details)).toEqual([
      { purpose: 'memory', version: 1, expires_at: null },
      { purpose: 'memory', version: 2, expires_at: null },
    ])
    expect(told[0]?.data.resource_id).toBe('ada')
  })

  test('many at the same time get one version each', async () => {
    const caller = newCaller()
    await Promise.all(Array.from({ length: 20 }, (_, i) => grant(caller, { evidence: `form ${i}` })))
    const { items } = await records(caller, '?history=true')
    expect(items.map(({ version }) => version)).toEqual(Array.from({ length: 20 }, (_, i) => 20 - i))
    expect(items.filter(({ is_valid }) => is_valid)).toHaveLength(1)
  })

  test('pages go through the history without a gap', async () => {
    const caller = newCaller()
    for (let i = 0; i < 5; i++) await grant(caller, { evidence: i })
    const versions: number[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const page = await records(caller, `?history=true&limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`)
      versions.push(...page.items.map(({ version }) => version))
      cursor = page.next_cursor
    }
    expect(versions).toEqual([5, 4, 3, 2, 1])
  })

  test('evidence is sealed, survives a rotation of the key, and goes with an erasure', async () => {
    const caller = newCaller()
    await grant(caller, { evidence: 'planted-evidence' })
    const stored = async () => await memory.admin`select * from consents where tenant_id = ${caller.tenantId}`
    expect(JSON.stringify(await stored())).not.toContain(Buffer.from('planted-evidence').toString('hex'))
    const rotation = await call<{ id: string }>(memory.app, caller, 'POST', '/v1/keys/rotations', { subject_id: 'ada' })
    const state = async () =>
      (await call<{ state: string }>(memory.app, caller, 'GET', `/v1/keys/rotations/${rotation.body.id}`)).body.state
    await expect.poll(state).toBe('done')
    expect((await records(caller)).items[0]?.evidence).toBe('planted-evidence')
    const [row] = await stored()
    expect(Buffer.from(row?.['sealed'] as Buffer).readUInt32BE(1)).toBe(2)
    await call(memory.app, caller, 'DELETE', '/v1/privacy/subjects/ada')
    expect(await stored()).toEqual([])
    expect(await records(caller)).toEqual({ items: [], next_cursor: null })
  }, 30_000)

  test('what makes no sense is refused with its place, and changes nothing', async () => {
    const caller = newCaller()
    const bad: [object, number][] = [
      [{}, 400],
      [{ purpose: 'memory' }, 400],
      [{ purpose: 'two words', status: 'granted' }, 400],
      [{ purpose: 'x'.repeat(65), status: 'granted' }, 400],
      [{ purpose: 'memory', status: 'perhaps' }, 400],
      [{ purpose: 'memory', status: 'granted', evidence: 'x'.repeat(4095) }, 400],
      [{ purpose: 'memory', status: 'withdrawn', granted_at: inMs(-1000) }, 400],
      [{ purpose: 'memory', status: 'withdrawn', expires_at: inMs(1000) }, 400],
      [{ purpose: 'memory', status: 'granted', granted_at: inMs(60_000) }, 422],
      [{ purpose: 'memory', status: 'granted', expires_at: inMs(-1000) }, 422],
      [{ purpose: 'memory', status: 'granted', subject_id: 'bob' }, 400],
    ]
    for (const [body, code] of bad) expect([body, (await put(caller, body)).status]).toEqual([body, code])
    expect((await records(caller)).items).toEqual([])
    expect((await grant(caller, { evidence: 'x'.repeat(4094) })).status).toBe(200)
  })

  test('belongs to those who may act for the whole subject, in their tenant', async () => {
    const caller = newCaller()
    await grant(caller)
    expect((await records(newCaller())).items).toEqual([])
    expect(await put({ ...caller, subjects: ['bob'] }, { purpose: 'memory', status: 'withdrawn' })).toMatchObject(
      refusedWith('subject_not_allowed'),
    )
    expect(await withdraw({ ...caller, namespaces: ['default'] })).toMatchObject(refusedWith('namespace_not_allowed'))
    expect(await withdraw({ ...caller, permissions: ['privacy:export', 'memories:write'] })).toMatchObject(
      refusedWith('permission_denied'),
    )
    expect((await records(caller)).items).toMatchObject([{ status: 'granted', version: 1 }])
  })
})

describe('a tenant that requires consent', () => {
  test('stores nothing without a valid consent to memory, and makes nothing for the subject', async () => {
    const caller = strict()
    expect(await write(caller)).toMatchObject(refusedWith('consent_required'))
    const [left] = await memory.admin`
      select count(*)::int as rows from subjects where tenant_id = ${caller.tenantId}`
    expect(left).toEqual({ rows: 0 })
    await put(caller, { purpose: 'newsletter', status: 'granted' })
    expect(await write(caller)).toMatchObject(refusedWith('consent_required'))
    await grant(caller)
    expect((await write(caller)).status).toBe(201)
  })

  test('stops when the consent expires', async () => {
    const caller = strict()
    await grant(caller, { expires_at: inMs(700) })
    const { body } = await write(caller)
    await expect.poll(async () => (await write(caller, 'coffee')).status, { timeout: 5_000 }).toBe(403)
    const change = await call(memory.app, caller, 'PATCH', `/v1/memories/${body.id}`, { content: 'milk' })
    expect(change).toMatchObject(refusedWith('consent_required'))
    expect((await records(caller)).items).toMatchObject([{ status: 'granted', is_valid: false }])
    // Reading what was stored with consent goes on: only a withdrawal ends that.
    expect(contents(await search(memory.app, caller, { query: 'tea', subject_id: 'ada' }))).toEqual(['tea'])
  })

  test('answers each item of a batch by its own subject', async () => {
    const caller = strict()
    await grant(caller)
    const items = ['ada', 'bob', 'ada', 'eve'].map((subject_id, i) => ({ content: `item ${i}`, subject_id }))
    await put(caller, { purpose: 'memory', status: 'withdrawn' }, 'eve')
    const answer = await call<{ items: { status: number; problem?: Problem }[] }>(
      memory.app,
      caller,
      'POST',
      '/v1/memories/batch',
      { items },
    )
    expect(answer.status).toBe(200)
    expect(answer.body.items.map(({ status, problem }) => problem?.code ?? status)).toEqual([
      201,
      'consent_required',
      201,
      'consent_withdrawn',
    ])
  })

  test('and one that does not require it is not asked for any', async () => {
    expect((await write(newCaller())).status).toBe(201)
    expect((await write(newCaller({ settings: { consent_required: false, audit_reads: 'none' } }))).status).toBe(201)
  })
})

describe('withdrawing consent', () => {
  test('stops writing and reading at once in every process, in every tenant, until it is granted anew', async () => {
    const other = await memory.startAnother()
    for (const caller of [newCaller(), strict()]) {
      await grant(caller)
      const { body } = await write(caller)
      const url = `/v1/memories/${body.id}`
      for (const { app } of [memory, other]) {
        expect((await call(app, caller, 'GET', url)).status).toBe(200)
        expect(contents(await search(app, caller, { query: 'tea', subject_id: 'ada' }))).toEqual(['tea'])
      }
      expect((await withdraw(caller)).status).toBe(200)
      for (const { app } of [memory, other]) {
        const tries = await Promise.all([
          remember(app, caller, { content: 'tea', subject_id: 'ada' }),
          call(app, caller, 'PATCH', url, { content: 'milk' }),
          call(app, caller, 'GET', url),
          call(app, caller, 'GET', `${url}/history`),
          call(app, caller, 'GET', '/v1/memories?subject_id=ada'),
          search(app, caller, { query: 'tea', subject_id: 'ada' }),
          search(app, caller, { query: 'nothing like it', subject_id: 'ada' }),
        ])
        for (const answer of tries) expect(answer).toMatchObject(refusedWith('consent_withdrawn'))
        const all = await call<{ items: unknown[] }>(app, caller, 'GET', '/v1/memories')
        expect(all).toMatchObject({ status: 200, body: { items: [] } })
      }
      await grant(caller)
      expect((await call(other.app, caller, 'GET', url)).status).toBe(200)
      expect((await write(caller)).body).toMatchObject({ id: body.id, seen_count: 2 })
    }
    await other.app.close()
    await other.deps.closer.close()
  }, 30_000)

  test('takes no place from the memories of others, in lists and in searches of all subjects', async () => {
    const caller = newCaller()
    const told = (content: string, subject: string) =>
      remember(memory.app, caller, { content, subject_id: subject, importance: subject === 'ada' ? 1 : 0 })
    await told('tea with Bob', 'bob')
    for (const n of [1, 2, 3, 4]) await told(`tea ${n}`, 'ada')
    await told('tea with Eve', 'eve')
    await withdraw(caller)
    const listed: string[] = []
    for (let cursor: string | null = ''; cursor !== null;) {
      const url: string = `/v1/memories?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`
      const { body }: Answer<{ items: { content: string }[]; next_cursor: string | null }> = await call(
        memory.app,
        caller,
        'GET',
        url,
      )
      listed.push(...body.items.map(({ content }) => content))
      cursor = body.next_cursor
    }
    expect(listed).toEqual(['tea with Eve', 'tea with Bob'])
    const everywhere = await search(memory.app, caller, {
      query: 'tea',
      scope: 'namespace',
      namespace: 'default',
      top_k: 2,
    })
    expect(contents(everywhere).sort()).toEqual(['tea with Bob', 'tea with Eve'])
    expect(everywhere.body.searched).toBe(2)
  })

  test('leaves exporting, deleting and erasing', async () => {
    const caller = newCaller()
    const { body } = await write(caller)
    await withdraw(caller)
    const asked = { subject_id: 'ada' }
    const { id } = (await call(memory.app, caller, 'POST', '/v1/privacy/exports', asked)).body
    const made = () => call<{ state: string; done: number }>(memory.app, caller, 'GET', `/v1/privacy/exports/${id}`)
    await expect.poll(async () => (await made()).body, { timeout: 20_000 }).toMatchObject({ state: 'made', done: 1 })
    expect((await call(memory.app, caller, 'DELETE', `/v1/memories/${body.id}`)).status).toBe(204)
    const erased = await call<{ counts: object }>(memory.app, caller, 'DELETE', '/v1/privacy/subjects/ada')
    expect(erased.body.counts).toMatchObject({ consents: 1, subjects: 1 })
  }, 30_000)

  test('of other purposes stops nothing here', async () => {
    const caller = newCaller()
    await put(caller, { purpose: 'newsletter', status: 'withdrawn' })
    expect((await write(caller)).status).toBe(201)
  })

  test('wins over writers that are on their way: none is acknowledged after it', async () => {
    const caller = strict()
    await grant(caller)
    let isWithdrawn = false
    const late: number[] = []
    const writers = Array.from({ length: 20 }, async (_, i) => {
      for (let n = 0; n < 30; n++) {
        const begunAfter = isWithdrawn
        const { status } = await write(caller, `writer ${i} number ${n}`)
        if (begunAfter) late.push(status)
      }
    })
    await expect
      .poll(async () => (await memory.admin`select 1 from memories where tenant_id = ${caller.tenantId}`).length)
      .toBeGreaterThan(50)
    await withdraw(caller)
    isWithdrawn = true
    await Promise.all(writers)
    expect(new Set(late)).toEqual(new Set([403]))
  }, 30_000)
})
