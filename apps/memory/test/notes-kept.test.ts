import { writeFile } from 'node:fs/promises'
import type { Caller } from '@memoric/contracts/caller.ts'
import type { Decision } from '@memoric/contracts/decision-contract.ts'
import type { Knowledge } from '@memoric/contracts/knowledge-contract.ts'
import type { Task } from '@memoric/contracts/task-contract.ts'
import { describe, expect, test } from 'vitest'
import { runMemoryOperator } from '../src/operator/run-memory-operator.ts'
import { ERASED_TABLES } from '../src/privacy/erased-tables.ts'
import { useLogEnd } from './answer-erasures.ts'
import { processSettings } from './memory-settings.ts'
import { temporaryPath } from './temporary-path.ts'
import { download, exportedLines, madeExport } from './use-exports.ts'
import { type Answer, call, newCaller, type ProblemBody, remember, type TestProcess, useMemory } from './use-memory.ts'
import { decide, know, type Page, plan, problem, supersede } from './use-notes.ts'

const memory = useMemory()
useLogEnd(memory.nats)

const iris = { subject_id: 'iris' }

/** An agent with notes, decisions and tasks in every state. */
async function lived(): Promise<Caller> {
  const caller = newCaller()
  const { body: source } = await remember(memory.app, caller, { ...iris, content: 'It took an hour.' })
  const about = { ...iris, with_whom: 'Ana', tags: ['day'], sources: [source.id] }
  const { body: note } = await know(memory.app, caller, {
    ...about,
    title: 'Draining',
    content: 'One hour.',
    topic: 't',
  })
  await call(memory.app, caller, 'PATCH', `/v1/knowledge/${note.id}`, { confidence: 0.123456 })
  await supersede(memory.app, caller, 'knowledge', note.id, { content: 'Two hours.', sources: [note.id] })
  const { body: decision } = await decide(memory.app, caller, {
    ...about,
    decision: 'Fridays.',
    rationale: ['Why not.'],
  })
  await supersede<Decision>(memory.app, caller, 'decisions', decision.id, { decision: 'Tuesdays.', scope: 'billing' })
  const { body: first } = await plan(memory.app, caller, { ...iris, title: 'first', with_whom: 'Ben' })
  await call(memory.app, caller, 'POST', `/v1/tasks/${first.id}/claim`, {})
  await call(memory.app, caller, 'POST', `/v1/tasks/${first.id}/complete`, { result: 'It went well.' })
  const { body: second } = await plan(memory.app, caller, { ...iris, title: 'second', priority: 0.9 })
  await call(memory.app, caller, 'PATCH', `/v1/tasks/${second.id}`, { state: 'cancelled' })
  await plan(memory.app, caller, {
    ...iris,
    title: 'third',
    description: 'Long.',
    due_at: '2027-01-01T00:00:00Z',
    depends_on: [first.id, second.id],
  })
  return caller
}

/** Everything that can be read of it. */
async function read(caller: Caller, process: TestProcess = memory) {
  const list = async <T>(path: string) =>
    (await call<Page<T>>(process.app, caller, 'GET', `${path}&subject_id=iris`)).body.items
  return {
    knowledge: await list<Knowledge>('/v1/knowledge?status=all'),
    decisions: await list<Decision>('/v1/decisions?status=all'),
    tasks: await list<Task>('/v1/tasks?state=all'),
    woken: (await call<{ text: string }>(process.app, caller, 'POST', '/v1/wake-up', iris)).body.text,
  }
}

test('another process tells the same', async () => {
  const caller = await lived()
  const before = await read(caller)
  expect([before.knowledge.length, before.decisions.length, before.tasks.length]).toEqual([2, 2, 3])
  expect(await read(caller, await memory.startAnother())).toEqual(before)
})

test('everything stays readable, and can be changed, when keys are replaced', async () => {
  const caller = await lived()
  const before = await read(caller)
  for (const body of [iris, {}]) {
    const { body: rotation } = await call(memory.app, caller, 'POST', '/v1/keys/rotations', body)
    const state = async () =>
      (await call<{ state: string }>(memory.app, caller, 'GET', `/v1/keys/rotations/${rotation.id}`)).body.state
    await expect.poll(state, { timeout: 20_000 }).toBe('done')
  }
  expect(await read(caller)).toEqual(before)
  const woken = await call<{ text: string }>(memory.app, caller, 'POST', '/v1/wake-up', { ...iris, with_whom: 'Ana' })
  expect(woken.body.text).toContain('Two hours.')
  const [note] = before.knowledge
  expect((await call(memory.app, caller, 'PATCH', `/v1/knowledge/${note!.id}`, { content: 'x' })).status).toBe(200)
})

test('a rotation in the middle of many writes loses and refuses none of them', async () => {
  const caller = newCaller()
  await know(memory.app, caller, { ...iris, content: 'first' })
  const writes = Array.from({ length: 30 }, (_, n) => know(memory.app, caller, { ...iris, content: `thing ${n}` }))
  const rotation = call(memory.app, caller, 'POST', '/v1/keys/rotations', iris)
  const answers = await Promise.all(writes)
  expect((await rotation).status).toBe(202)
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201))
  expect((await read(caller)).knowledge).toHaveLength(31)
})

test('a thief of the database reads no word and no name', async () => {
  const caller = newCaller()
  const points = {
    constraints: ['bilby'],
    alternatives: ['echidna'],
    consequences: ['platypus'],
    references: ['dugong'],
  }
  const { body: note } = await know(memory.app, caller, {
    ...iris,
    title: 'numbat',
    content: 'quokka',
    topic: 'wombat',
    category: 'bandicoot',
    with_whom: 'potoroo',
    tags: ['cassowary'],
  })
  await supersede(memory.app, caller, 'knowledge', note.id, { content: 'kookaburra' })
  await decide(memory.app, caller, { ...iris, decision: 'thylacine', scope: 'quoll', rationale: ['taipan'], ...points })
  const { body: task } = await plan(memory.app, caller, { ...iris, title: 'lyrebird', description: 'pademelon' })
  await call(memory.app, caller, 'POST', `/v1/tasks/${task.id}/claim`, {})
  await call(memory.app, caller, 'POST', `/v1/tasks/${task.id}/complete`, { result: 'brolga' })
  await read(caller)
  await expect.poll(() => memory.events('task.read')).not.toEqual([])
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
  expect(text).toContain('knowledge.created')
  const words =
    'numbat quokka wombat bandicoot potoroo cassowary kookaburra thylacine quoll taipan bilby echidna platypus dugong lyrebird pademelon brolga'
  for (const word of words.split(' ')) {
    expect(text.toLowerCase()).not.toContain(word)
    expect(text).not.toContain(Buffer.from(word).toString('hex'))
    expect(text).not.toContain(Buffer.from(word).toString('base64').replace(/=+$/, '').slice(0, -1))
  }
})

test('an erasure leaves nothing of it', async () => {
  const caller = await lived()
  const erased = await call<{ state: string; id: string }>(memory.app, caller, 'DELETE', '/v1/privacy/subjects/iris')
  const state = async () =>
    (await call<{ state: string }>(memory.app, caller, 'GET', `/v1/privacy/erasures/${erased.body.id}`)).body.state
  await expect.poll(state, { timeout: 20_000 }).toBe('done')
  for (const table of ERASED_TABLES) {
    const rows = await memory.admin`select 1 from ${memory.admin(table)} where tenant_id = ${caller.tenantId}`
    expect([table, rows.length]).toEqual([table, 0])
  }
  expect(await read(caller)).toEqual({ knowledge: [], decisions: [], tasks: [], woken: '' })
})

describe('an export', () => {
  /** Imports the file for a tenant, and gives the last line that was said. */
  const runImport = async (file: string, tenantId: string) => {
    const [out, err]: [string[], string[]] = [[], []]
    const around = {
      env: { ...processSettings, ...memory.settings() },
      screen: { isTTY: true, write: () => true },
      out: (line: string) => out.push(line),
      err: (line: string) => err.push(line),
    }
    const code = await runMemoryOperator(['import', file, '--tenant', tenantId], around)
    return [code, err, out.at(-1)]
  }

  const fileOf = async (caller: Caller, name: string) => {
    const { id } = await madeExport(memory, caller)
    const file = await temporaryPath(name)
    await writeFile(file, (await download(memory, caller, id)).rawPayload)
    return file
  }

  test('has every note, decision and task with its links; imported, they are what they were', async () => {
    const caller = await lived()
    const lines = await exportedLines(memory, caller)
    const types = lines.map(({ type }) => type).filter((type) => !type.startsWith('memory'))
    expect(types).toEqual(['note', 'note', 'note', 'note', 'task', 'task', 'task'])
    const file = await fileOf(caller, 'notes.ndjson')
    const other = newCaller()
    expect(await runImport(file, other.tenantId)).toEqual([
      0,
      [],
      'handoffs, notes, tasks, persons, threads and the like: 7 made',
    ])
    expect(await read(other)).toEqual(await read(caller))
    expect(await runImport(file, other.tenantId)).toEqual([0, [], 'records of consents: 0 made'])
    expect(await exportedLines(memory, other)).toEqual(lines)
    const [active] = (await read(other)).decisions
    const late = await supersede<Decision>(memory.app, other, 'decisions', active!.supersedes!, { decision: 'late' })
    expect(problem(late)).toEqual([409, 'already_superseded'])
    expect((await call(memory.app, other, 'POST', '/v1/tasks/claim-next', iris)).body).toMatchObject({ title: 'third' })
  })

  test('keeps its links where ids are taken: they lead to what was imported', async () => {
    const caller = await lived()
    const other = newCaller()
    const file = await fileOf(caller, 'taken.ndjson')
    await runImport(file, other.tenantId)
    // What has the ids now was made at another time, so it is something else.
    await memory.admin`update memories set created_at = created_at - interval '1 day' where tenant_id = ${other.tenantId}`
    expect((await runImport(file, other.tenantId))[2]).toContain('7 made')
    const { knowledge, tasks } = await read(other)
    const theirs = new Set((await read(caller)).knowledge.map(({ id }) => id))
    const [next, old] = knowledge.filter(({ id }) => !theirs.has(id))
    expect([next!.supersedes, old!.superseded_by]).toEqual([old!.id, next!.id])
    expect(next!.sources).toEqual([old!.id])
    const ids = new Set(tasks.map(({ id }) => id))
    expect(ids.size).toBe(6)
    for (const { depends_on } of tasks) for (const id of depends_on) expect(ids.has(id)).toBe(true)
  })
})

describe('without consent', () => {
  const consent = (caller: Caller, status: string) =>
    call(memory.app, caller, 'PUT', '/v1/privacy/subjects/iris/consents', { purpose: 'memory', status })
  const writes = (caller: Caller): Promise<Answer<ProblemBody>[]> =>
    Promise.all([
      know(memory.app, caller, { ...iris, content: 'x' }),
      decide(memory.app, caller, { ...iris, decision: 'x' }),
      plan(memory.app, caller, { ...iris, title: 'x' }),
    ])

  test('nothing is written where the tenant requires it', async () => {
    const caller = newCaller({ settings: { consent_required: true, audit_reads: 'all' } })
    expect((await writes(caller)).map(problem)).toEqual(Array(3).fill([403, 'consent_required']))
    await consent(caller, 'granted')
    expect((await writes(caller)).map(({ status }) => status)).toEqual([201, 201, 201])
  })

  test('nothing is written, changed, claimed or told once it is withdrawn', async () => {
    const caller = await lived()
    const { knowledge, decisions, tasks } = await read(caller)
    await consent(caller, 'withdrawn')
    const [note, decision, task] = [knowledge[0]!.id, decisions[0]!.id, tasks[0]!.id]
    const requests = [
      ['GET', `/v1/knowledge/${note}`],
      ['GET', '/v1/knowledge?subject_id=iris'],
      ['PATCH', `/v1/knowledge/${note}`, { content: 'x' }],
      ['POST', `/v1/knowledge/${note}/supersede`, { content: 'x' }],
      ['GET', `/v1/decisions/${decision}`],
      ['GET', '/v1/decisions?subject_id=iris'],
      ['POST', `/v1/decisions/${decision}/supersede`, { decision: 'x' }],
      ['GET', `/v1/tasks/${task}`],
      ['GET', '/v1/tasks?subject_id=iris'],
      ['PATCH', `/v1/tasks/${task}`, { title: 'x' }],
      ['POST', `/v1/tasks/${task}/claim`, {}],
      ['POST', `/v1/tasks/${task}/complete`, {}],
      ['POST', `/v1/tasks/${task}/release`, {}],
      ['POST', '/v1/tasks/claim-next', iris],
    ] as const
    for (const [method, path, body] of requests) {
      const answer = await call<ProblemBody>(memory.app, caller, method, path, body)
      expect([path, ...problem(answer)]).toEqual([path, 403, 'consent_withdrawn'])
    }
    expect((await writes(caller)).map(problem)).toEqual(Array(3).fill([403, 'consent_withdrawn']))
    const rows = await memory.admin`
      select 1 from tasks where tenant_id = ${caller.tenantId} and claim_id is not null`
    expect(rows).toHaveLength(0)
    expect((await call(memory.app, caller, 'DELETE', `/v1/knowledge/${note}`)).status).toBe(204)
  })
})

test.each([
  [{ memories: 2 }, 'tenant.memories'],
  [{ subject_memories: 2 }, 'subject.memories'],
  [{ subject_bytes: 2500 }, 'subject.bytes'],
  [{ bytes: 2500 }, 'tenant.bytes'],
])('quotas of %j are kept, and what is deleted is free', async (limits, quota) => {
  const caller = newCaller()
  const {
    memories = null,
    subject_memories = null,
    subject_bytes = null,
    bytes = null,
  } = limits as Record<string, number>
  await memory.admin`
    insert into tenant_quotas (tenant_id, memories, bytes, subject_memories, subject_bytes)
    values (${caller.tenantId}, ${memories}, ${bytes}, ${subject_memories}, ${subject_bytes})`
  const made: string[] = []
  const refusals: unknown[] = []
  for (let n = 0; n < 12; n++) {
    const { status, body } = await know(memory.app, caller, { ...iris, content: `thing ${n}` })
    if (status === 201) made.push(body.id)
    else refusals.push([status, body.code, body.detail])
  }
  expect(new Set(refusals.map((each) => JSON.stringify(each)))).toEqual(
    new Set([JSON.stringify([429, 'quota_exceeded', quota])]),
  )
  const old = await supersede(memory.app, caller, 'knowledge', made[0]!, { content: 'x' })
  expect([old.status, (await read(caller)).knowledge.length]).toEqual([429, made.length])
  if (quota.endsWith('bytes')) {
    const url = `/v1/knowledge/${made[0]!}`
    const changed = await call<ProblemBody>(memory.app, caller, 'PATCH', url, { content: 'x'.repeat(2000) })
    expect([changed.status, changed.body.detail]).toEqual([429, quota])
  }
  for (const id of made) await call(memory.app, caller, 'DELETE', `/v1/knowledge/${id}`)
  expect((await know(memory.app, caller, { ...iris, content: 'again' })).status).toBe(201)
  const [count] = await memory.admin<{ memories: number; bytes: number; size: number }[]>`
    select s.memories::int, s.bytes::int, octet_length(m.sealed)::int as size
    from subjects s join memories m using (tenant_id, subject_id) where s.tenant_id = ${caller.tenantId}`
  expect(count).toEqual({ memories: 1, bytes: count!.size, size: count!.size })
})

test('the database itself hides notes and tasks that a scope does not name', async () => {
  const caller = await lived()
  const { sql } = memory.deps
  const { tenantFlight } = await import('@memoric/postgres/tenant-transaction.ts')
  const count = async (tenantId: string, subjects: '*' | string[], namespaces: '*' | string[]) => {
    const rows = await tenantFlight(sql, { tenantId, subjects, namespaces }, (tx) => [
      tx`select 1 from notes`,
      tx`select 1 from tasks`,
    ])
    return rows.map(({ length }) => length)
  }
  expect(await count(caller.tenantId, '*', '*')).toEqual([4, 3])
  expect(await count(caller.tenantId, ['iris'], ['default'])).toEqual([4, 3])
  expect(await count(caller.tenantId, ['iris'], ['work'])).toEqual([0, 0])
  expect(await count(caller.tenantId, ['otto'], '*')).toEqual([0, 0])
  expect(await count(newCaller().tenantId, '*', '*')).toEqual([0, 0])
})

test('a policy neither cuts, summarises, evicts nor deletes what they say', async () => {
  const caller = newCaller()
  const { body: note } = await know(memory.app, caller, { ...iris, content: 'word '.repeat(2000) })
  const { body: task } = await plan(memory.app, caller, { ...iris, title: 'x', description: 'word '.repeat(2000) })
  const ids = [note.id, task.id]
  const before =
    await memory.admin`select id, version, sealed, expires_at from memories where id = any (${ids}) order by id`
  const tiers = [{ name: 'long_term', expiry_days: 0.001, on_expiry: 'delete', trim: { max_characters: 20 } }]
  const policy = { tiers, default_tier: 'long_term' }
  expect((await call(memory.app, caller, 'PUT', '/v1/policies', { policy })).status).toBe(200)
  await memory.admin`
    update memories set created_at = '1990-01-01', updated_at = '1990-01-01', occurred_at = '1990-01-01'
    where id = any (${ids})`
  const { body } = await call<{ report: object }>(memory.app, caller, 'POST', '/v1/policies/run', iris)
  expect(body.report).toMatchObject({ deleted: 0, trimmed: 0, spared: 2 })
  const after =
    await memory.admin`select id, version, sealed, expires_at from memories where id = any (${ids}) order by id`
  expect(after).toEqual(before)
})

test('what they say is trusted as the writer says, and never more than the credential gives', async () => {
  const caller = newCaller()
  const tool = { source: 'tool' }
  const { body: note } = await know(memory.app, caller, { ...iris, content: 'x', ...tool })
  const { body: decision } = await decide(memory.app, caller, { ...iris, decision: 'x', ...tool })
  const { body: task } = await plan(memory.app, caller, { ...iris, title: 'x', ...tool })
  expect([note, decision, task].map(({ trust, standing }) => [trust, standing])).toEqual(
    Array(3).fill(['untrusted', 'current']),
  )
  const url = `/v1/knowledge/${note.id}`
  const change = (body: object) => call<Knowledge & ProblemBody>(memory.app, caller, 'PATCH', url, body)
  expect((await change({ title: 'still not to be trusted' })).body.trust).toBe('untrusted')
  expect(problem(await change({ trust: 'trusted' }))).toEqual([403, 'trust_not_allowed'])
  expect((await change({ trust: 'standard' })).body.trust).toBe('standard')
  const more = await plan(memory.app, caller, { ...iris, title: 'x', trust: 'trusted' })
  expect(problem(more)).toEqual([403, 'trust_not_allowed'])
  expect((await read(caller)).tasks).toEqual([task])
})

test('a tenant that has named its own tiers keeps them in the last of those', async () => {
  const caller = newCaller()
  const tiers = [{ name: 'fresh' }, { name: 'kept' }]
  const put = await call(memory.app, caller, 'PUT', '/v1/policies', { policy: { tiers, default_tier: 'fresh' } })
  expect(put.status).toBe(200)
  const made = [
    (await know(memory.app, caller, { ...iris, content: 'x' })).body.id,
    (await plan(memory.app, caller, { ...iris, title: 'x' })).body.id,
  ]
  await call(memory.app, caller, 'PATCH', `/v1/knowledge/${made[0]!}`, { content: 'y' })
  for (const id of made) expect((await call(memory.app, caller, 'GET', `/v1/memories/${id}`)).body.tier).toBe('kept')
})
