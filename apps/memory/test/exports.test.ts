import { createHash, randomUUID } from 'node:crypto'
import type { Caller } from '@memoric/contracts/caller.ts'
import type { MemoryExport } from '@memoric/contracts/export-contract.ts'
import { Decrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { describe, expect, test } from 'vitest'
import { systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { selectOpenExports } from '../src/exports/export-repository.ts'
import { rememberMany } from './stored-segments.ts'
import { download, exportedLines, linesOf, madeExport, readExport, startExport } from './use-exports.ts'
import { call, newCaller, type ProblemBody, remember, useMemory } from './use-memory.ts'

const memory = useMemory()

const everything = {
  content: 'Ada prefers tea ☕ to coffee\nwith "milk"',
  subject_id: 'ada',
  namespace: 'kitchen',
  thread_id: 'thread 1',
  session_id: 'session 1',
  role: 'user',
  speaker: 'Ada',
  topic: 'drinks',
  category: 'taste',
  entities: ['tea', 'coffee'],
  tags: ['hot'],
  metadata: { nested: { list: [1, null, 'x'], flag: true } },
  tier: 'long_term',
  importance: 0.7,
  occurred_at: '2020-02-03T04:05:06.789Z',
  ttl_seconds: 86_400,
}

const problemOf = async (caller: Caller, body: object) => {
  const { status, body: problem } = await call<ProblemBody>(memory.app, caller, 'POST', '/v1/privacy/exports', body)
  return [status, problem.code]
}
const state = async (caller: Caller, id: string) => (await readExport(memory, caller, id)).state
const chunksOf = (id: string) => memory.admin<{ subject_id: string; sealed: Buffer }[]>`
  select subject_id, sealed from export_chunks where export_id = ${id} order by subject_id, number`

describe('an export of a subject', () => {
  test('has every memory with everything that is known of it, and every version', async () => {
    const caller = newCaller()
    const { body: one } = await remember(memory.app, caller, everything)
    await remember(memory.app, caller, everything)
    await remember(memory.app, caller, { content: 'of another', subject_id: 'bob' })
    await call(memory.app, caller, 'PATCH', `/v1/memories/${one.id}`, { content: 'now water', tags: ['cold'] })
    const history = await call<{ items: object[] }>(memory.app, caller, 'GET', `/v1/memories/${one.id}/history`)
    const { body: current } = await call(memory.app, caller, 'GET', `/v1/memories/${one.id}`)
    const { tenant_id: _, ...known } = current
    const [, before] = history.body.items
    const lines = await exportedLines(memory, caller, { subject_id: 'ada' })
    expect(lines).toEqual([
      { type: 'memory', ...known },
      { type: 'memory_version', memory_id: one.id, ...before },
    ])
  })

  test('begins with a header and ends with counts and the SHA-256 of everything before', async () => {
    const caller = newCaller()
    await rememberMany(memory.app, caller, 450)
    const made = await madeExport(memory, caller, { subject_id: 'ada' })
    expect(made).toMatchObject({ subject_id: 'ada', state: 'made', total: 450, done: 450, counts: { memory: 450 } })
    const { statusCode, headers, body } = await download(memory, caller, made.id)
    const lines = linesOf(body)
    expect([statusCode, headers['content-type'], lines.length]).toEqual([200, 'application/x-ndjson', 452])
    expect(lines[0]).toMatchObject({ type: 'header', format: 'memoric-export', tenant_id: caller.tenantId })
    const end = body.lastIndexOf('\n', body.length - 2) + 1
    const sha256 = createHash('sha256').update(body.slice(0, end)).digest('hex')
    expect(lines.at(-1)).toEqual({ type: 'trailer', lines: 451, counts: { memory: 450 }, sha256 })
    expect(lines.slice(1, -1).map(({ seq }) => seq)).toEqual(Array.from({ length: 450 }, (_, n) => n + 1))
  })

  test('is of one moment, whatever is written while it is made', async () => {
    const caller = newCaller()
    await rememberMany(memory.app, caller, 400)
    const id = await startExport(memory, caller, { subject_id: 'ada' })
    const written = Array.from({ length: 20 }, (_, n) =>
      remember(memory.app, caller, { content: `late ${n}`, subject_id: 'ada' }),
    )
    await Promise.all(written)
    await expect.poll(() => state(caller, id), { timeout: 20_000 }).toBe('made')
    const seqs = linesOf((await download(memory, caller, id)).body)
      .slice(1, -1)
      .map(({ seq }) => Number(seq))
    expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, n) => n + 1))
    expect(seqs.length).toBeGreaterThanOrEqual(400)
  })

  test('leaves out what has expired', async () => {
    const caller = newCaller()
    await remember(memory.app, caller, { content: 'stays', subject_id: 'ada' })
    const { body } = await remember(memory.app, caller, { content: 'goes', subject_id: 'ada', ttl_seconds: 60 })
    await memory.admin`update memories set expires_at = now() where id = ${body.id}`
    const lines = await exportedLines(memory, caller, { subject_id: 'ada' })
    expect(lines.map(({ content }) => content)).toEqual(['stays'])
  })

  test('is not there when the subject is not', async () => {
    expect(await problemOf(newCaller(), { subject_id: 'nobody' })).toEqual([404, 'subject_not_found'])
  })
})

describe('an export of the tenant', () => {
  test('has every subject and nothing of another tenant, each part under the key of its subject', async () => {
    const [caller, stranger] = [newCaller(), newCaller()]
    for (const subject_id of ['bob', 'ada', 'cleo']) {
      await remember(memory.app, caller, { content: `of ${subject_id}`, subject_id })
    }
    await remember(memory.app, stranger, { content: 'of a stranger', subject_id: 'ada' })
    const { id } = await madeExport(memory, caller)
    const { body } = await download(memory, caller, id)
    expect(
      linesOf(body)
        .slice(1, -1)
        .map(({ content }) => content),
    ).toEqual(['of ada', 'of bob', 'of cleo'])
    const chunks = await chunksOf(id)
    expect(chunks.map(({ subject_id }) => subject_id)).toEqual(['ada', 'bob', 'cleo'])
    expect(chunks.some(({ sealed }) => sealed.includes('of ada'))).toBe(false)
    // What belongs to one subject does not open as that of another.
    await memory.admin`update export_chunks set sealed = ${chunks[1]!.sealed} where export_id = ${id} and subject_id = 'ada'`
    await expect(download(memory, caller, id)).rejects.toThrow()
  })

  test('of nothing has a header and a trailer', async () => {
    expect(await exportedLines(memory, newCaller())).toEqual([])
  })

  test('is cut off, never silently shorter, when a part of it has gone', async () => {
    const caller = newCaller()
    await remember(memory.app, caller, { content: 'x', subject_id: 'ada' })
    const { id } = await madeExport(memory, caller)
    await memory.admin`delete from export_chunks where export_id = ${id}`
    await expect(download(memory, caller, id)).rejects.toThrow()
  })
})

describe('who may', () => {
  test('a credential with limits exports its subjects only, sees no other export, and none with a namespace limit', async () => {
    const caller = newCaller()
    await remember(memory.app, caller, { content: 'x', subject_id: 'ada' })
    await remember(memory.app, caller, { content: 'x', subject_id: 'bob' })
    const [ofTenant, ofAda] = [
      await madeExport(memory, caller),
      await madeExport(memory, caller, { subject_id: 'ada' }),
    ]
    const ofBob = { ...caller, subjects: ['bob'] }
    expect(await problemOf(ofBob, {})).toEqual([403, 'permission_denied'])
    expect(await problemOf(ofBob, { subject_id: 'ada' })).toEqual([403, 'subject_not_allowed'])
    expect((await madeExport(memory, ofBob, { subject_id: 'bob' })).counts).toEqual({ memory: 1 })
    const inKitchen = { ...caller, namespaces: ['kitchen'] }
    expect(await problemOf(inKitchen, { subject_id: 'ada' })).toEqual([403, 'namespace_not_allowed'])
    for (const { id } of [ofTenant, ofAda]) {
      for (const by of [ofBob, newCaller()]) {
        expect((await download(memory, by, id)).json()).toMatchObject({ status: 404, code: 'export_not_found' })
        const status = await call<ProblemBody>(memory.app, by, 'GET', `/v1/privacy/exports/${id}`)
        expect(status.body.code).toBe('export_not_found')
      }
      expect((await download(memory, inKitchen, id)).json()).toMatchObject({ code: 'namespace_not_allowed' })
    }
  })

  test('only so many run at once for a tenant, however many ask at the same time', async () => {
    const caller = newCaller()
    const ask = () => call<MemoryExport & ProblemBody>(memory.app, caller, 'POST', '/v1/privacy/exports', {})
    // Taken by a process that is nowhere, so that they stay.
    await memory.admin`
      insert into exports (tenant_id, id, state, requested_by, claimed_until)
      values (${caller.tenantId}, ${randomUUID()}, 'running', 'x', now() + interval '1 hour'),
        (${caller.tenantId}, ${randomUUID()}, 'running', 'x', now() + interval '1 hour')`
    const answers = await Promise.all(Array.from({ length: 6 }, ask))
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused.every(({ body }) => body.code === 'too_many_exports')).toBe(true)
    expect(refused.length).toBeGreaterThanOrEqual(1)
    const [row] = await memory.admin<{ most: number }[]>`
      select count(*)::int as most from exports where tenant_id = ${caller.tenantId}`
    expect(row!.most).toBe(2 + answers.length - refused.length)
  })
})

test('only so many of the same are kept, so that nobody fills the database with copies', async () => {
  const caller = newCaller()
  await rememberMany(memory.app, caller, 1)
  await memory.admin`
    insert into exports (tenant_id, id, subject_id, state, requested_by, made_at, expires_at)
    select ${caller.tenantId}, gen_random_uuid(), subject, 'made', 'x', now(), now() + interval '1 hour'
    from generate_series(1, 5), (values ('ada'), (null)) as kept (subject)`
  for (const body of [{}, { subject_id: 'ada' }]) {
    const refused = await call<ProblemBody>(memory.app, caller, 'POST', '/v1/privacy/exports', body)
    expect(refused).toMatchObject({ status: 429, body: { code: 'too_many_exports' } })
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(3000)
  }
  await memory.admin`
    update exports set expires_at = now() - interval '1 second'
    where id = (select id from exports where tenant_id = ${caller.tenantId} and subject_id is null limit 1)`
  await startExport(memory, caller)
})

describe('encrypted to a recipient of age', () => {
  test('it opens with the identity and with no other', async () => {
    const caller = newCaller()
    await rememberMany(memory.app, caller, 900)
    const identity = await generateX25519Identity()
    const age_recipient = await identityToRecipient(identity)
    const { id } = await madeExport(memory, caller, { subject_id: 'ada', age_recipient })
    const { headers, rawPayload } = await download(memory, caller, id)
    expect(headers['content-type']).toBe('application/octet-stream')
    expect(rawPayload.subarray(0, 21).toString()).toBe('age-encryption.org/v1')
    expect(rawPayload.includes('memoric-export')).toBe(false)
    const open = async (key: string) => {
      const decrypter = new Decrypter()
      decrypter.addIdentity(key)
      return Buffer.from(await decrypter.decrypt(new Uint8Array(rawPayload))).toString()
    }
    expect(linesOf(await open(identity))).toHaveLength(902)
    await expect(open(await generateX25519Identity())).rejects.toThrow()
  })

  test('a recipient that is none, or was mistyped, is refused at once', async () => {
    const caller = newCaller()
    const right = await identityToRecipient(await generateX25519Identity())
    const mistyped = right.slice(0, -1) + (right.endsWith('q') ? 'p' : 'q')
    for (const age_recipient of [mistyped, 'age1', right.toUpperCase(), `${right}x`, 7, 'age1pq1qqqq']) {
      expect(await problemOf(caller, { age_recipient })).toEqual([400, 'validation_failed'])
    }
    expect(await memory.admin`select 1 from exports where tenant_id = ${caller.tenantId}`).toHaveLength(0)
  })
})

describe('an export lasts for its time', () => {
  test('then it is gone: 410, its parts are removed, its state says so', async () => {
    const caller = newCaller()
    await remember(memory.app, caller, { content: 'x', subject_id: 'ada' })
    const { id, made_at, expires_at } = await madeExport(memory, caller)
    expect(Date.parse(expires_at!) - Date.parse(made_at!)).toBe(24 * 3_600_000)
    await memory.admin`update exports set expires_at = now() - interval '1 second' where id = ${id}`
    expect((await download(memory, caller, id)).json()).toMatchObject({ status: 410, code: 'export_expired' })
    memory.deps.exports.wake()
    await expect.poll(() => state(caller, id)).toBe('expired')
    await expect.poll(async () => (await chunksOf(id)).length).toBe(0)
    expect((await download(memory, caller, id)).json()).toMatchObject({ status: 410, code: 'export_expired' })
  })

  test('and cannot be downloaded before it is made', async () => {
    const caller = newCaller()
    const id = randomUUID()
    await memory.admin`
      insert into exports (tenant_id, id, requested_by, claimed_until)
      values (${caller.tenantId}, ${id}, 'x', now() + interval '1 hour')`
    expect((await download(memory, caller, id)).json()).toMatchObject({ status: 409, code: 'export_not_made' })
  })
})

describe('keys', () => {
  test('an export stays readable when the key of its subject is rotated, and the old key is destroyed', async () => {
    const caller = newCaller()
    await rememberMany(memory.app, caller, 300)
    const { id } = await madeExport(memory, caller)
    const before = (await download(memory, caller, id)).body
    await call(memory.app, caller, 'POST', '/v1/keys/rotations', { subject_id: 'ada' })
    const versions = () => memory.admin<{ version: number }[]>`
      select version from subject_keys where tenant_id = ${caller.tenantId}`
    await expect.poll(async () => (await versions()).map(({ version }) => version), { timeout: 20_000 }).toEqual([2])
    const other = await memory.startAnother()
    expect((await download(other, caller, id)).body).toBe(before)
  })

  test('without the key of a subject nothing of it comes out of any export', async () => {
    const caller = newCaller()
    await remember(memory.app, caller, { content: 'secret', subject_id: 'ada' })
    const { id } = await madeExport(memory, caller)
    await memory.admin`delete from subject_keys where tenant_id = ${caller.tenantId}`
    const other = await memory.startAnother()
    await expect(download(other, caller, id)).rejects.toThrow()
  })
})

describe('the erasure of a subject', () => {
  test('takes its exports away, and its lines out of those of the tenant, which stay whole otherwise', async () => {
    const caller = newCaller()
    for (const subject_id of ['ada', 'bob'])
      await remember(memory.app, caller, { content: `of ${subject_id}`, subject_id })
    const [ofTenant, ofAda] = [
      await madeExport(memory, caller),
      await madeExport(memory, caller, { subject_id: 'ada' }),
    ]
    const sealed = (await chunksOf(ofTenant.id)).map((chunk) => chunk.sealed)
    await call(memory.app, caller, 'DELETE', '/v1/privacy/subjects/ada')
    const left = async () => (await chunksOf(ofTenant.id)).map(({ subject_id }) => subject_id)
    await expect.poll(left, { timeout: 10_000 }).toEqual(['bob'])
    expect((await download(memory, caller, ofAda.id)).json()).toMatchObject({ code: 'export_not_found' })
    const lines = linesOf((await download(memory, caller, ofTenant.id)).body)
    expect(lines.map(({ type }) => type)).toEqual(['header', 'memory', 'trailer'])
    expect(lines.at(-1)).toMatchObject({ lines: 2, counts: { memory: 1 } })
    // What a copy of the database may still have is of no use: the key has gone.
    await memory.admin`
      insert into export_subjects (tenant_id, subject_id, export_id, chunks, counts)
      values (${caller.tenantId}, 'ada', ${ofTenant.id}, 1, '{"memory": 1}')`
    await memory.admin`
      insert into export_chunks (tenant_id, subject_id, export_id, number, sealed)
      values (${caller.tenantId}, 'ada', ${ofTenant.id}, 1, ${sealed[0]!})`
    await expect(download(memory, caller, ofTenant.id)).rejects.toThrow()
  })

  test('ends an export of it that is being made', async () => {
    const caller = newCaller()
    await rememberMany(memory.app, caller, 2000)
    const id = await startExport(memory, caller, { subject_id: 'ada' })
    await call(memory.app, caller, 'DELETE', '/v1/privacy/subjects/ada')
    const left = async () => memory.admin`select 1 from export_chunks where tenant_id = ${caller.tenantId}`
    await expect.poll(async () => (await readExport(memory, caller, id)).state, { timeout: 10_000 }).toBeUndefined()
    await expect.poll(async () => (await left()).length, { timeout: 10_000 }).toBe(0)
  })
})

describe('several at once', () => {
  test('a small export does not wait for a large one of another tenant', async () => {
    const [large, small] = [newCaller(), newCaller()]
    for (const subject_id of ['ada', 'bob']) await rememberMany(memory.app, large, 3000, { subject_id })
    await rememberMany(memory.app, small, 3)
    const slow = await startExport(memory, large)
    await expect.poll(() => state(large, slow), { interval: 5 }).toBe('running')
    await madeExport(memory, small)
    expect(await state(large, slow)).toBe('running')
    await expect.poll(() => state(large, slow), { timeout: 30_000 }).toBe('made')
  }, 60_000)

  test('it is the turn of the tenant for whom least is being made, then of the one that waited longest', async () => {
    const [busy, waited, served] = [newCaller(), newCaller(), newCaller()]
    const put = (caller: Caller, row: { state: string; minutes: number; isClaimed?: boolean }) => memory.admin`
      insert into exports (tenant_id, id, state, requested_by, created_at, claimed_until, made_at, expires_at)
      values (${caller.tenantId}, ${randomUUID()}, ${row.state}, 'x', now() - make_interval(mins => ${row.minutes}),
        case when ${row.isClaimed ?? false} or ${row.state} = 'waiting' then now() + interval '1 hour' end,
        case when ${row.state} = 'made' then now() - interval '5 minutes' end,
        case when ${row.state} = 'made' then now() + interval '1 hour' end)`
    await put(busy, { state: 'running', minutes: 30, isClaimed: true })
    await put(busy, { state: 'waiting', minutes: 29 })
    await put(served, { state: 'made', minutes: 28 })
    await put(served, { state: 'waiting', minutes: 27 })
    await put(waited, { state: 'waiting', minutes: 1 })
    const tenants = [busy, waited, served].map(({ tenantId }) => tenantId)
    const turns: { tenant_id: string }[] = []
    const looking = systemTransaction(memory.deps.sql, async (tx) => {
      for (const tenantId of tenants) {
        await tx`select set_config('memoric.tenant_id', ${tenantId}, true), set_config('memoric.subjects', '*', true)`
        await tx`update exports set claimed_until = null where tenant_id = ${tenantId} and state = 'waiting'`
      }
      turns.push(...(await selectOpenExports(tx, 100)))
      throw new Error('undo')
    })
    await expect(looking).rejects.toThrow('undo')
    const order = turns.map(({ tenant_id }) => tenant_id).filter((id) => tenants.some((tenant) => tenant === id))
    expect(order).toEqual([waited, served, busy].map(({ tenantId }) => tenantId))
    await memory.admin`delete from exports where tenant_id = any (${tenants}::uuid[])`
  })
})

describe('a process that makes an export and stops', () => {
  test('is replaced by another, which goes on where the first was', async () => {
    const caller = newCaller()
    for (const subject_id of ['ada', 'bob', 'cleo']) await rememberMany(memory.app, caller, 50, { subject_id })
    const { id } = await madeExport(memory, caller)
    const before = linesOf((await download(memory, caller, id)).body).slice(1, -1)
    // As a process leaves it that is killed after the first subject and within the second.
    await memory.admin`update exports set state = 'running', place = 'ada', claim = ${randomUUID()},
      claimed_until = now() - interval '1 second', made_at = null, expires_at = null where id = ${id}`
    await memory.admin`update export_subjects set chunks = null, counts = '{}' where export_id = ${id} and subject_id = 'bob'`
    await memory.admin`delete from export_subjects where export_id = ${id} and subject_id = 'cleo'`
    await memory.admin`delete from export_chunks where export_id = ${id} and subject_id = 'cleo'`
    const adas = await chunksOf(id)
    memory.deps.exports.wake()
    await expect.poll(() => state(caller, id), { timeout: 20_000 }).toBe('made')
    expect(linesOf((await download(memory, caller, id)).body).slice(1, -1)).toEqual(before)
    expect((await chunksOf(id))[0]!.sealed).toEqual(adas[0]!.sealed)
    expect((await readExport(memory, caller, id)).done).toBe(150)
  })

  test('gives up what it makes when it is told to stop, and another one ends it', async () => {
    const [caller, other] = [newCaller(), await memory.startAnother()]
    await rememberMany(memory.app, caller, 3000)
    const id = await startExport(other, caller, { subject_id: 'ada' })
    await expect.poll(async () => (await readExport(memory, caller, id)).state, { interval: 5 }).toBe('running')
    await other.deps.exports.close()
    memory.deps.exports.wake()
    await expect.poll(() => state(caller, id), { timeout: 20_000 }).toBe('made')
    const seqs = linesOf((await download(memory, caller, id)).body)
      .slice(1, -1)
      .map(({ seq }) => seq)
    expect(seqs).toEqual(Array.from({ length: 3000 }, (_, n) => n + 1))
  })

  test('writes nothing any more once its claim is lost', async () => {
    const caller = newCaller()
    await rememberMany(memory.app, caller, 50)
    const id = randomUUID()
    await memory.admin`
      insert into exports (tenant_id, id, requested_by, state, claim, claimed_until)
      values (${caller.tenantId}, ${id}, 'x', 'running', ${randomUUID()}, now() + interval '1 hour')`
    memory.deps.exports.wake()
    await remember(memory.app, caller, { content: 'meanwhile', subject_id: 'ada' })
    expect(await chunksOf(id)).toEqual([])
  })
})

test('an export that can never be made fails, and says so', async () => {
  const caller = newCaller()
  await remember(memory.app, caller, { content: 'damaged', subject_id: 'ada' })
  await memory.admin`update memories set sealed = overlay(sealed placing '\\x00' from 70) where tenant_id = ${caller.tenantId}`
  const id = await startExport(memory, caller, { subject_id: 'ada' })
  await memory.admin`update exports set attempts = 5 where id = ${id}`
  const retry = async () => {
    await memory.admin`update exports set claimed_until = null where id = ${id} and claim is null`
    memory.deps.exports.wake()
    return state(caller, id)
  }
  await expect.poll(retry, { timeout: 20_000, interval: 100 }).toBe('failed')
  expect((await download(memory, caller, id)).json()).toMatchObject({ code: 'export_not_made', detail: 'it is failed' })
  const [event] = (await memory.events('export.failed')).filter(({ tenantid }) => tenantid === caller.tenantId)
  expect(event?.data).toMatchObject({ outcome: 'failure', reason: 'decryption_failed' })
})

test('everything that happens to an export is in the log, without what is in it', async () => {
  const caller = newCaller()
  await remember(memory.app, caller, { content: 'planted', subject_id: 'ada' })
  const { id } = await madeExport(memory, caller, { subject_id: 'ada' })
  await download(memory, caller, id)
  await memory.admin`update exports set expires_at = now() where id = ${id}`
  memory.deps.exports.wake()
  await expect.poll(() => state(caller, id)).toBe('expired')
  for (const type of ['export.requested', 'export.made', 'export.downloaded', 'export.expired']) {
    const found = (await memory.events(type)).filter(({ data }) => data.resource_id === id)
    expect(found, type).toHaveLength(1)
    expect(found[0]!.data.details).toMatchObject({ subject_id: 'ada', encrypted: false })
    expect(JSON.stringify(found)).not.toContain('planted')
  }
})
