import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import type { Caller } from '@memoric/contracts/caller.ts'
import { createCloser } from '@memoric/service/closer.ts'
import { createLogger } from '@memoric/service/logger.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { placeOf, rememberMany } from './stored-segments.ts'
import { startExport } from './use-exports.ts'
import { call, newCaller, type ProblemBody, remember, search, type TestProcess, useMemory } from './use-memory.ts'

/** A provider of key encryption keys at its HTTP edge, which can be away. It does not encrypt: nobody looks at what it gives. */
const provider = { isAway: false, url: '' }
const server = createServer((request, response) => {
  void (async () => {
    const body = (await json(request)) as { plaintext?: string; ciphertext?: string; associated_data: string }
    if (provider.isAway) return response.writeHead(503).end('{}')
    if (body.plaintext !== undefined) {
      const ciphertext = `vault:v1:${btoa(JSON.stringify([body.plaintext, body.associated_data]))}`
      return response.end(JSON.stringify({ data: { ciphertext } }))
    }
    const [plaintext, associated] = JSON.parse(atob((body.ciphertext ?? '').slice(9))) as [string, string]
    const isRight = associated === body.associated_data
    return response.writeHead(isRight ? 200 : 400).end(JSON.stringify({ data: { plaintext } }))
  })()
})
const settings: Record<string, string> = {
  KEK_PROVIDER: 'vault-transit',
  VAULT_TRANSIT_KEYS: 'memoric',
  VAULT_TOKEN: 'a-token',
}
const closer = createCloser(createLogger({ app: 'test', level: 'silent' }))

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  settings.VAULT_ADDR = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  closer.defer('provider', () => new Promise((resolve) => server.close(resolve)))
})
const memory = useMemory(settings)
afterAll(() => closer.close())

/** A process that has no key in memory. */
async function away<T>(work: (process: TestProcess) => Promise<T>): Promise<T> {
  const process = await memory.startAnother()
  provider.isAway = true
  try {
    return await work(process)
  } finally {
    provider.isAway = false
  }
}

type AnyBody = ProblemBody & { readonly content?: string }

function expectUnavailable({ status, headers, body }: { status: number; headers: object; body: unknown }): void {
  expect([status, (body as ProblemBody).code]).toEqual([503, 'service_unavailable'])
  expect(headers).toHaveProperty('retry-after')
}

const rowsOf = async ({ tenantId }: Caller) => {
  const [row] = await memory.admin<{ memories: number; keys: number; events: number }[]>`
    select (select count(*)::int from memories where tenant_id = ${tenantId}) as memories,
      (select count(*)::int from tenant_keys where tenant_id = ${tenantId}) as keys,
      (select count(*)::int from outbox where tenant_id = ${tenantId}) as events`
  return row
}

describe('while the provider of the key encryption key is away', () => {
  test('reads and searches are 503, and work again when it is back', async () => {
    const caller = newCaller()
    const { body } = await remember(memory.app, caller, { content: 'kept', subject_id: 'ada' })
    const asked = await away(async (process) => {
      expectUnavailable(await call(process.app, caller, 'GET', `/v1/memories/${body.id}`))
      expectUnavailable(await call(process.app, caller, 'GET', `/v1/memories/${body.id}/history`))
      expectUnavailable(await call(process.app, caller, 'GET', '/v1/memories'))
      expectUnavailable(await search(process.app, caller, { query: 'kept', subject_id: 'ada' }))
      expectUnavailable(await call(process.app, caller, 'PATCH', `/v1/memories/${body.id}`, { content: 'other' }))
      return process
    })
    const answer = await call(asked.app, caller, 'GET', `/v1/memories/${body.id}`)
    expect([answer.status, answer.body.content]).toEqual([200, 'kept'])
  })

  test('writes are 503, and nothing of them is stored in any form', async () => {
    const [caller, known] = [newCaller(), newCaller()]
    await remember(memory.app, known, { content: 'before', subject_id: 'ada' })
    const before = await rowsOf(known)
    await away(async (process) => {
      for (const by of [caller, known]) {
        expectUnavailable(await remember(process.app, by, { content: 'planted quoll', subject_id: 'ada' }))
        const items = [{ content: 'planted quoll', subject_id: 'new' }]
        expectUnavailable(await call(process.app, by, 'POST', '/v1/memories/batch', { items }))
      }
    })
    expect(await rowsOf(caller)).toEqual({ memories: 0, keys: 0, events: 0 })
    expect(await rowsOf(known)).toEqual(before)
  })

  test('subjects whose keys are in memory are served on', async () => {
    const caller = newCaller()
    const { body } = await remember(memory.app, caller, { content: 'hot', subject_id: 'ada' })
    await away(async () => {
      expect((await call(memory.app, caller, 'GET', `/v1/memories/${body.id}`)).body.content).toBe('hot')
      expect((await remember(memory.app, caller, { content: 'more', subject_id: 'ada' })).status).toBe(201)
    })
  })

  test('an export waits for it, and is made when it is back', async () => {
    const caller = newCaller()
    await remember(memory.app, caller, { content: 'kept', subject_id: 'ada' })
    memory.deps.keys.forgetTenant(caller.tenantId)
    provider.isAway = true
    const id = await startExport(memory, caller, { subject_id: 'ada' })
    const row = async () => {
      const [found] = await memory.admin<{ attempts: number; waits: boolean; state: string }[]>`
        select attempts, claim is null and claimed_until is not null as waits, state from exports where id = ${id}`
      return found
    }
    await expect.poll(row, { timeout: 10_000 }).toEqual({ attempts: 0, waits: true, state: 'running' })
    provider.isAway = false
    await memory.admin`update exports set claimed_until = now() where id = ${id}`
    memory.deps.exports.wake()
    await expect.poll(async () => (await row())?.state, { timeout: 10_000 }).toBe('made')
  })

  test('a process does not start', async () => {
    provider.isAway = true
    await expect(memory.startAnother())
      .rejects.toThrow(/key encryption key cannot be reached/)
      .finally(() => {
        provider.isAway = false
      })
  })
})

describe('a key that is missing or another one', () => {
  const swap = (table: string, from: Caller, to: Caller, subjects: [string, string] | null) =>
    subjects === null
      ? memory.admin`update ${memory.admin(table)} t set wrapped = s.wrapped from ${memory.admin(table)} s
          where s.tenant_id = ${from.tenantId} and t.tenant_id = ${to.tenantId}`
      : memory.admin`update ${memory.admin(table)} t set wrapped = s.wrapped from ${memory.admin(table)} s
          where s.tenant_id = ${from.tenantId} and t.tenant_id = ${to.tenantId}
            and s.subject_id = ${subjects[0]} and t.subject_id = ${subjects[1]}`

  async function expectClosed(caller: Caller, id: string): Promise<void> {
    const process = await memory.startAnother()
    const before = await rowsOf(caller)
    const read = await call<AnyBody>(process.app, caller, 'GET', `/v1/memories/${id}`)
    expectUnavailable(read)
    expect(read.body.content).toBeUndefined()
    expectUnavailable(await call(process.app, caller, 'GET', '/v1/memories?subject_id=ada'))
    expectUnavailable(await search(process.app, caller, { query: 'mine', subject_id: 'ada' }))
    expectUnavailable(await remember(process.app, caller, { content: 'after', subject_id: 'ada' }))
    const { events: _, ...rest } = before!
    expect(await rowsOf(caller)).toMatchObject(rest)
  }

  test('the wrapped key of another subject in the place of one is of no use', async () => {
    const caller = newCaller()
    const { body } = await remember(memory.app, caller, { content: 'mine', subject_id: 'ada' })
    await remember(memory.app, caller, { content: 'yours', subject_id: 'bob' })
    await swap('subject_keys', caller, caller, ['bob', 'ada'])
    await expectClosed(caller, body.id)
  })

  test('nor is that of a subject of the same name of another tenant', async () => {
    const [caller, other] = [newCaller(), newCaller()]
    const { body } = await remember(memory.app, caller, { content: 'mine', subject_id: 'ada' })
    await remember(memory.app, other, { content: 'yours', subject_id: 'ada' })
    await swap('subject_keys', other, caller, ['ada', 'ada'])
    await expectClosed(caller, body.id)
  })

  test('nor is the key of another tenant in the place of one', async () => {
    const [caller, other] = [newCaller(), newCaller()]
    const { body } = await remember(memory.app, caller, { content: 'mine', subject_id: 'ada' })
    await remember(memory.app, other, { content: 'yours', subject_id: 'ada' })
    await swap('tenant_keys', other, caller, null)
    await expectClosed(caller, body.id)
  })

  test('a tenant that has lost its key gets no other one beside what the old one wrapped', async () => {
    const caller = newCaller()
    const { body } = await remember(memory.app, caller, { content: 'mine', subject_id: 'ada' })
    await memory.admin`alter table subject_keys disable trigger all`
    await memory.admin`alter table tenant_keys disable trigger all`
    await memory.admin`delete from tenant_keys where tenant_id = ${caller.tenantId}`
    await memory.admin`alter table subject_keys enable trigger all`
    await memory.admin`alter table tenant_keys enable trigger all`
    await expectClosed(caller, body.id)
  })

  test('a subject that has lost its key is not there for readers, and takes no writes', async () => {
    const caller = newCaller()
    const [first] = await rememberMany(memory.app, caller, 3)
    await memory.admin`delete from subject_keys where tenant_id = ${caller.tenantId}`
    const process = await memory.startAnother()
    const before = await rowsOf(caller)
    const read = await call<AnyBody>(process.app, caller, 'GET', `/v1/memories/${first!.id}`)
    expect([read.status, read.body.code]).toEqual([404, 'memory_not_found'])
    const list = await call<{ items: unknown[] }>(process.app, caller, 'GET', `/v1/memories?subject_id=ada`)
    expect(list.body.items).toEqual([])
    expectUnavailable(await remember(process.app, caller, { content: 'after', subject_id: placeOf(caller).subjectId }))
    expect(await rowsOf(caller)).toMatchObject({ memories: before!.memories })
    const keys = await memory.admin`select 1 from subject_keys where tenant_id = ${caller.tenantId}`
    expect(keys).toHaveLength(0)
  })

  test('another key encryption key is refused at the start, and nothing is written under it', async () => {
    const keys = () => memory.admin`select tenant_id, version, kek_id from tenant_keys order by tenant_id, version`
    await remember(memory.app, newCaller(), { content: 'x' })
    const before = await keys()
    const other = {
      KEK_PROVIDER: 'local',
      MEMORIC_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      VAULT_TRANSIT_KEYS: '',
    }
    await expect(memory.startAnother(other)).rejects.toThrow(/is not the one that this database was encrypted with/)
    expect(await keys()).toEqual(before)
  })
})
