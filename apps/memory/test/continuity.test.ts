import { writeFile } from 'node:fs/promises'
import type { Caller } from '@memoric/contracts/caller.ts'
import type { Becoming } from '@memoric/contracts/identity-contract.ts'
import type { Handoff } from '@memoric/contracts/handoff-contract.ts'
import type { WakeUpAnswer } from '@memoric/contracts/wake-up-contract.ts'
import { describe, expect, test } from 'vitest'
import { runMemoryOperator } from '../src/operator/run-memory-operator.ts'
import { ERASED_TABLES } from '../src/privacy/erased-tables.ts'
import { useLogEnd } from './answer-erasures.ts'
import { processSettings } from './memory-settings.ts'
import { temporaryPath } from './temporary-path.ts'
import { download, exportedLines, linesOf, madeExport } from './use-exports.ts'
import { handOver, lastWith, listed } from './use-handoffs.ts'
import { type Answer, call, newCaller, type ProblemBody, type TestProcess, useMemory } from './use-memory.ts'

const memory = useMemory()
useLogEnd(memory.nats)

const wake = (caller: Caller, process: TestProcess = memory) =>
  call<WakeUpAnswer & ProblemBody>(process.app, caller, 'POST', '/v1/wake-up', { subject_id: 'iris' })

const hand = (caller: Caller, body: object = {}) =>
  handOver<Handoff & ProblemBody>(memory.app, caller, {
    subject_id: 'iris',
    session_id: 's1',
    with_whom: 'Ana',
    remember: 'tea',
    ...body,
  })

const befriend = (caller: Caller, name: string, aliases: string[]) =>
  call<ProblemBody>(memory.app, caller, 'PUT', '/v1/persons', { subject_id: 'iris', name, aliases })

/** An agent with a past: corrected handoffs, a statement, a person of several names. */
async function lived(): Promise<Caller> {
  const caller = newCaller()
  for (let day = 1; day <= 3; day++) {
    const occurred_at = `2026-01-0${day}T00:00:00.000Z`
    await hand(caller, { session_id: `s${day}`, occurred_at, becoming: `I have seen ${day} days`, tags: ['day'] })
  }
  await hand(caller, { session_id: 's2', learned: 'something', significance: 0.123456 })
  await hand(caller, { session_id: 's2', learned: 'something else', with_whom: 'ana.k' })
  await befriend(caller, 'Ana', ['ana.k', 'Ana Kovač'])
  return caller
}

/** Everything that can be read of it. */
async function read(caller: Caller, process: TestProcess = memory) {
  const get = async (path: string) => (await call(process.app, caller, 'GET', path)).body as unknown
  const handoffs = await listed(process.app, caller, '?subject_id=iris')
  return {
    handoffs,
    versions: await Promise.all(handoffs.map(({ id }) => get(`/v1/handoffs/${id}/versions`))),
    last: (await lastWith(process.app, caller, 'iris', 'ana kovac')).body,
    identity: await get('/v1/identity?subject_id=iris'),
    persons: await get('/v1/persons?subject_id=iris'),
    woken: (await wake(caller, process)).body.text,
  }
}

test('another process, and one that was started later, tell the same', async () => {
  const caller = await lived()
  const before = await read(caller)
  expect(before.handoffs).toHaveLength(3)
  expect(await read(caller, await memory.startAnother())).toEqual(before)
})

test('everything stays readable when keys are replaced, and nothing is left under the old one', async () => {
  const caller = await lived()
  const before = await read(caller)
  for (const body of [{ subject_id: 'iris' }, {}]) {
    const { body: rotation } = await call(memory.app, caller, 'POST', '/v1/keys/rotations', body)
    const state = async () =>
      (await call<{ state: string }>(memory.app, caller, 'GET', `/v1/keys/rotations/${rotation.id}`)).body.state
    await expect.poll(state, { timeout: 20_000 }).toBe('done')
  }
  expect(await read(caller)).toEqual(before)
  expect(await read(caller, await memory.startAnother())).toEqual(before)
  for (const table of ['handoffs', 'handoff_versions', 'persons']) {
    const boxes = await memory.admin<{ sealed: Buffer }[]>`
      select sealed from ${memory.admin(table)} where tenant_id = ${caller.tenantId}`
    expect(boxes.length).toBeGreaterThan(0)
    expect(boxes.every(({ sealed }) => sealed.readUInt32BE(1) === 2)).toBe(true)
  }
  expect(
    (
      await hand(caller, {
        session_id: 's1',
        occurred_at: '2026-01-01T00:00:00Z',
        becoming: 'I have seen 1 days',
        tags: ['day'],
      })
    ).body.version,
  ).toBe(1)
})

test('a thief of the database reads no word, name or statement, nor that two handoffs of two subjects are with one person', async () => {
  const caller = newCaller()
  const body = {
    with_whom: 'numbat',
    experienced: 'quokka',
    noticed: 'wombat',
    learned: 'bilby',
    story: 'echidna',
    becoming: 'platypus',
    remember: 'kookaburra',
    tags: ['cassowary'],
  }
  await hand(caller, body)
  await hand(caller, { ...body, learned: 'dugong' })
  await handOver(memory.app, caller, { ...body, subject_id: 'otto', session_id: 'x' })
  await befriend(caller, 'numbat', ['bandicoot', 'potoroo'])
  await wake(caller)
  await lastWith(memory.app, caller, 'iris', 'thylacine')
  await expect.poll(() => memory.events('handoff.read')).not.toEqual([])
  const names = await memory.admin`select distinct with_whom from handoffs where tenant_id = ${caller.tenantId}`
  expect(names).toHaveLength(2)
  const tables = await memory.admin<{ name: string }[]>`
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname not in ('pg_catalog', 'information_schema')`
  let text = ''
  for (const { name } of tables) {
    const rows = await memory.admin.unsafe(`select * from ${name}`)
    for (const value of rows.flatMap((row) => Object.values(row) as unknown[])) {
      text += Buffer.isBuffer(value) ? `${value.toString('latin1')}\n` : `${JSON.stringify(value)}\n`
    }
  }
  expect(text).toContain('handoff.created')
  const words = 'numbat quokka wombat bilby echidna platypus kookaburra cassowary dugong bandicoot potoroo thylacine'
  for (const word of words.split(' ')) {
    expect(text.toLowerCase()).not.toContain(word)
    expect(text).not.toContain(Buffer.from(word).toString('hex'))
    expect(text).not.toContain(Buffer.from(word).toString('base64').replace(/=+$/, '').slice(0, -1))
  }
})

test('a box that is moved to another handoff or version does not open', async () => {
  const caller = await lived()
  const [one, two] = await listed(memory.app, caller, '?subject_id=iris')
  await memory.admin`
    update handoffs set sealed = (select sealed from handoffs where id = ${one!.id}) where id = ${two!.id}`
  const answer = await call<ProblemBody>(memory.app, caller, 'GET', `/v1/handoffs/${two!.id}`)
  expect([answer.status, answer.body.code]).toEqual([500, 'internal_error'])
})

test('an erasure leaves nothing of it, and a new agent of the name begins with nothing', async () => {
  const caller = await lived()
  await wake(caller)
  const erased = await call<{ state: string; id: string }>(memory.app, caller, 'DELETE', '/v1/privacy/subjects/iris')
  const state = async () =>
    (await call<{ state: string }>(memory.app, caller, 'GET', `/v1/privacy/erasures/${erased.body.id}`)).body.state
  await expect.poll(state, { timeout: 20_000 }).toBe('done')
  for (const table of ERASED_TABLES) {
    const rows = await memory.admin`select 1 from ${memory.admin(table)} where tenant_id = ${caller.tenantId}`
    expect([table, rows.length]).toEqual([table, 0])
  }
  expect((await wake(caller)).body.text).toBe('')
  const { body } = await hand(caller, { with_whom: 'ana.k', session_id: 's2' })
  expect(body.version).toBe(1)
  expect((await lastWith(memory.app, caller, 'iris', 'Ana')).status).toBe(404)
})

describe('an export', () => {
  test('has every handoff with its versions, and every person; imported, they are what they were', async () => {
    const caller = await lived()
    const lines = await exportedLines(memory, caller)
    expect(lines.map(({ type }) => type).filter((type) => !type.startsWith('memory'))).toEqual([
      'handoff',
      'handoff',
      'handoff_version',
      'handoff_version',
      'handoff',
      'person',
    ])
    const { id } = await madeExport(memory, caller)
    const file = await temporaryPath('continuity.ndjson')
    await writeFile(file, (await download(memory, caller, id)).rawPayload)
    const other = newCaller()
    const run = async (...more: string[]) => {
      const [out, err]: [string[], string[]] = [[], []]
      const around = {
        env: { ...processSettings, ...memory.settings() },
        screen: { isTTY: true, write: () => true },
        out: (line: string) => out.push(line),
        err: (line: string) => err.push(line),
      }
      const code = await runMemoryOperator(['import', file, '--tenant', other.tenantId, ...more], around)
      return { code, err, last: out.at(-1) }
    }
    const would = 'handoffs, notes, tasks, persons, threads and the like: 6 would be made'
    expect(await run('--dry-run')).toEqual({ code: 0, err: [], last: would })
    expect((await run()).last).toBe('handoffs, notes, tasks, persons, threads and the like: 6 made')
    expect(await read(other)).toEqual(await read(caller))
    expect((await run()).last).toBe('records of consents: 0 made')
    expect(await exportedLines(memory, other)).toEqual(lines)
    const again = await handOver(memory.app, other, {
      subject_id: 'iris',
      session_id: 's3',
      with_whom: 'Ana',
      remember: 'tea',
      becoming: 'I have seen 3 days',
      tags: ['day'],
    })
    expect([again.status, again.body.version]).toEqual([200, 1])
    expect(linesOf((await download(memory, caller, id)).body)).toHaveLength(lines.length + 2)
  })
})

describe('without consent', () => {
  const strict = () => newCaller({ settings: { consent_required: true, audit_reads: 'all' } })
  const consent = (caller: Caller, status: string) =>
    call(memory.app, caller, 'PUT', '/v1/privacy/subjects/iris/consents', { purpose: 'memory', status })

  test('nothing is handed over and no name is kept where the tenant requires it', async () => {
    const caller = strict()
    expect(await hand(caller)).toMatchObject({ status: 403, body: { code: 'consent_required' } })
    expect(await befriend(caller, 'Ana', [])).toMatchObject({ status: 403, body: { code: 'consent_required' } })
    await consent(caller, 'granted')
    expect((await hand(caller)).status).toBe(201)
    expect((await befriend(caller, 'Ana', [])).status).toBe(201)
  })

  test('nothing is handed over or told once it is withdrawn', async () => {
    const caller = newCaller()
    const { body } = await hand(caller, { becoming: 'I am' })
    await befriend(caller, 'Ana', ['a'])
    await consent(caller, 'withdrawn')
    const answers: Answer<ProblemBody>[] = [
      await hand(caller, { session_id: 'more' }),
      await wake(caller),
      await befriend(caller, 'Ben', []),
      ...(await Promise.all(
        [
          `/v1/handoffs/${body.id}`,
          `/v1/handoffs/${body.id}/versions`,
          '/v1/handoffs?subject_id=iris',
          '/v1/handoffs/last?subject_id=iris&with_whom=Ana',
          '/v1/identity?subject_id=iris',
          '/v1/persons?subject_id=iris',
        ].map((path) => call<ProblemBody>(memory.app, caller, 'GET', path)),
      )),
    ]
    expect(answers.map(({ status, body: { code } }) => [status, code])).toEqual(
      answers.map(() => [403, 'consent_withdrawn']),
    )
  })
})

describe('quotas', () => {
  const limited = async (limits: {
    memories?: number
    subject_memories?: number
    subject_bytes?: number
    bytes?: number
  }) => {
    const caller = newCaller()
    const { memories = null, subject_memories = null, subject_bytes = null, bytes = null } = limits
    await memory.admin`
      insert into tenant_quotas (tenant_id, memories, bytes, subject_memories, subject_bytes)
      values (${caller.tenantId}, ${memories}, ${bytes}, ${subject_memories}, ${subject_bytes})`
    return caller
  }

  test.each([
    [{ memories: 2 }, 'tenant.memories'],
    [{ subject_memories: 2 }, 'subject.memories'],
    [{ subject_bytes: 1500 }, 'subject.bytes'],
    [{ bytes: 1500 }, 'tenant.bytes'],
  ])('of %j are kept by handoffs and their corrections', async (limits, quota) => {
    const caller = await limited(limits)
    const refusals: unknown[] = []
    for (let n = 0; n < 12; n++) {
      const { status, body } = await hand(caller, { session_id: `s${n}`, remember: `thing ${n}` })
      if (status !== 201) refusals.push([status, body.code, body.detail])
    }
    expect(refusals.length).toBeGreaterThan(0)
    expect(new Set(refusals.map((each) => JSON.stringify(each)))).toEqual(
      new Set([JSON.stringify([429, 'quota_exceeded', quota])]),
    )
    const kept = await listed(memory.app, caller, '?subject_id=iris')
    expect(kept).toHaveLength(12 - refusals.length)
    const memories = await memory.admin`select 1 from memories where tenant_id = ${caller.tenantId}`
    expect(memories).toHaveLength(kept.length)
    if (quota.endsWith('bytes')) {
      const corrected = await hand(caller, { session_id: kept[0]!.session_id, remember: 'x'.repeat(1000) })
      expect([corrected.status, corrected.body.detail]).toEqual([429, quota])
      expect((await lastWith(memory.app, caller, 'iris')).body.version).toBe(1)
    }
  })

  test('count what is deleted as free', async () => {
    const caller = await limited({ memories: 1 })
    const { body } = await hand(caller)
    expect((await hand(caller, { session_id: 'more' })).status).toBe(429)
    await call(memory.app, caller, 'DELETE', `/v1/handoffs/${body.id}`)
    expect((await hand(caller, { session_id: 'more' })).status).toBe(201)
    const counts = await memory.admin<{ memories: number; bytes: number; rows: number; size: number }[]>`
      select s.memories::int, s.bytes::int, count(*)::int as rows, sum(octet_length(m.sealed))::int as size
      from subjects s join memories m using (tenant_id, subject_id) where s.tenant_id = ${caller.tenantId} group by 1, 2`
    expect(counts.map(({ memories, bytes, rows, size }) => [memories, bytes, rows, size])).toEqual([
      [1, counts[0]!.size, 1, counts[0]!.bytes],
    ])
  })
})

test('the database itself hides handoffs and persons that a scope does not name', async () => {
  const caller = await lived()
  const { sql } = memory.deps
  const { tenantFlight } = await import('@memoric/postgres/tenant-transaction.ts')
  const count = async (tenantId: string, subjects: '*' | string[], namespaces: '*' | string[]) => {
    const rows = await tenantFlight(sql, { tenantId, subjects, namespaces }, (tx) => [
      tx`select 1 from handoffs`,
      tx`select 1 from handoff_versions`,
      tx`select 1 from persons`,
      tx`select 1 from person_names`,
    ])
    return rows.map(({ length }) => length)
  }
  expect(await count(caller.tenantId, '*', '*')).toEqual([3, 2, 1, 3])
  expect(await count(caller.tenantId, ['iris'], ['work'])).toEqual([0, 0, 1, 3])
  expect(await count(caller.tenantId, ['otto'], '*')).toEqual([0, 0, 0, 0])
  expect(await count(newCaller().tenantId, '*', '*')).toEqual([0, 0, 0, 0])
})

test('a handoff whose memory has gone keeps its word, and gets a memory again when it is corrected', async () => {
  const caller = newCaller()
  const { body } = await hand(caller)
  await memory.admin`update memories set expires_at = now() - interval '1 s' where id = ${body.id}`
  const meanwhile = await hand(caller, { learned: 'more' })
  expect([200, 409]).toContain(meanwhile.status)
  await expect
    .poll(
      async () => (await memory.admin`select 1 from memories where id = ${body.id} and expires_at is not null`).length,
      { timeout: 20_000 },
    )
    .toBe(0)
  expect((await lastWith(memory.app, caller, 'iris')).body.remember).toBe('tea')
  expect((await hand(caller, { learned: 'more' })).status).toBe(200)
  expect((await call(memory.app, caller, 'GET', `/v1/memories/${body.id}`)).status).toBe(200)
  const { body: page } = await call<{ items: Becoming[] }>(memory.app, caller, 'GET', '/v1/identity?subject_id=iris')
  expect(page.items).toEqual([])
})
