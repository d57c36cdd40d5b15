import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Caller } from '@memoric/contracts/caller.ts'
import type { Memory } from '@memoric/contracts/memory-contract.ts'
import type { Erasure } from '@memoric/contracts/privacy-contract.ts'
import { RECEIPT_KEY_PATH } from '@memoric/contracts/well-known.ts'
import { createNoteSigner, parseVerifierKey, textOf, verifyNote } from '@memoric/crypto/signed-note.ts'
import { callerHeaders } from '@memoric/testkit/sign-caller.ts'
import type { FastifyInstance } from 'fastify'
import { beforeEach, describe, expect, test } from 'vitest'
import { ERASED_TABLES } from '../src/privacy/erased-tables.ts'
import { runMemoryOperator } from '../src/operator/run-memory-operator.ts'
import { useLogEnd } from './answer-erasures.ts'
import { gatewayKey, processSettings } from './memory-settings.ts'
import { type Answer, call, contents, newCaller, type ProblemBody, remember, search, useMemory } from './use-memory.ts'

const memory = useMemory()
const log = useLogEnd(memory.nats)

beforeEach(() => {
  log.isThere = true
  log.isHeld = false
})

function erase(caller: Caller, subject: string, app: FastifyInstance = memory.app): Promise<Answer<Erasure>> {
  return call<Erasure>(app, caller, 'DELETE', `/v1/privacy/subjects/${encodeURIComponent(subject)}`)
}

function status(caller: Caller, id: string): Promise<Answer<Erasure>> {
  return call<Erasure>(memory.app, caller, 'GET', `/v1/privacy/erasures/${id}`)
}

async function list(caller: Caller, subject: string, app = memory.app): Promise<string[]> {
  const url = `/v1/memories?limit=200&subject_id=${subject}`
  return (await call<{ items: Memory[] }>(app, caller, 'GET', url)).body.items.map(({ content }) => content)
}

/** Rows of a subject, by table; tables without any are left out. */
async function rowsOf({ tenantId }: Caller, subject: string): Promise<Record<string, number>> {
  const counts = await Promise.all(
    ERASED_TABLES.map(async (table): Promise<[string, number]> => {
      const { admin } = memory
      const [row] = await admin<{ rows: number }[]>`
        select count(*)::int as rows from ${admin(table)} where tenant_id = ${tenantId} and subject_id = ${subject}`
      return [table, row?.rows ?? 0]
    }),
  )
  return Object.fromEntries(counts.filter(([, rows]) => rows > 0))
}

/** A memory with a history and one that was deleted, a stored index, a consent, an idempotency record and a rotation. */
async function livedIn(caller: Caller, subject: string): Promise<void> {
  const { body } = await call(
    memory.app,
    caller,
    'POST',
    '/v1/memories',
    { content: 'tea, please', subject_id: subject },
    { 'idempotency-key': 'once' },
  )
  await call(memory.app, caller, 'PATCH', `/v1/memories/${body.id}`, { content: 'coffee, please' })
  const gone = await remember(memory.app, caller, { content: 'nothing', subject_id: subject })
  await call(memory.app, caller, 'DELETE', `/v1/memories/${gone.body.id}`)
  const items = Array.from({ length: 300 }, (_, i) => ({ content: `note ${i}`, subject_id: subject }))
  await call(memory.app, caller, 'POST', '/v1/memories/batch', { items })
  await memory.deps.indexes.store({ tenantId: caller.tenantId, subjectId: subject })
  const consent = { purpose: 'newsletter', status: 'granted', evidence: 'form 7' }
  await call(memory.app, caller, 'PUT', `/v1/privacy/subjects/${subject}/consents`, consent)
  const { body: rotation } = await call(memory.app, caller, 'POST', '/v1/keys/rotations', { subject_id: subject })
  const url = `/v1/keys/rotations/${rotation.id}`
  const state = async () => (await call<{ state: string }>(memory.app, caller, 'GET', url)).body.state
  await expect.poll(state, { timeout: 20_000 }).toBe('done')
}

function said({ receipt }: Erasure): Record<string, unknown> {
  return JSON.parse(textOf(receipt ?? '')) as Record<string, unknown>
}

async function verifierKeys(): Promise<string[]> {
  const headers = callerHeaders(gatewayKey, 'memory')
  const answer = await memory.app.inject({ method: 'GET', url: RECEIPT_KEY_PATH, headers })
  return answer.body.trim().split('\n')
}

async function untilDone(caller: Caller, id: string): Promise<Erasure> {
  await expect.poll(async () => (await status(caller, id)).body.state, { timeout: 20_000 }).toBe('done')
  return (await status(caller, id)).body
}

describe('an erasure', () => {
  test('leaves nothing of a subject and gives a receipt that anyone can check', async () => {
    const caller = newCaller()
    await livedIn(caller, 'ada')
    await remember(memory.app, caller, { content: 'something of Bob', subject_id: 'bob' })
    const before = await rowsOf(caller, 'ada')
    expect(Object.keys(before)).toEqual(
      expect.arrayContaining(['memories', 'memory_versions', 'search_segments', 'consents']),
    )
    const { status: code, body } = await erase(caller, 'ada')
    expect(code).toBe(200)
    expect(await rowsOf(caller, 'ada')).toEqual({})
    expect(await list(caller, 'bob')).toEqual(['something of Bob'])
    expect(verifyNote(body.receipt ?? '', (await verifierKeys()).map(parseVerifierKey))).toEqual([
      { name: 'memoric-receipts' },
    ])
    expect(said(body)).toEqual({
      format: 'memoric-erasure-receipt/1',
      erasure_id: body.id,
      tenant_id: caller.tenantId,
      subject_id: 'ada',
      requested_at: body.requested_at,
      finished_at: body.finished_at,
      keys_destroyed: before['subject_keys'],
      rows_deleted: body.counts,
      processes_confirmed: 1,
      log_keys_destroyed: 1,
      log_held: false,
    })
    expect(body.counts).toMatchObject({ ...before, memories: 301, memory_versions: 1 })
  })

  test('takes the subject out of exports, its own and those of the tenant', async () => {
    const caller = newCaller()
    for (const subject_id of ['ada', 'bob']) await remember(memory.app, caller, { content: 'x', subject_id })
    const start = (body: object) => call<{ id: string }>(memory.app, caller, 'POST', '/v1/privacy/exports', body)
    const made = [(await start({ subject_id: 'ada' })).body.id, (await start({})).body.id]
    for (const id of made) {
      const state = () => call<{ state: string }>(memory.app, caller, 'GET', `/v1/privacy/exports/${id}`)
      await expect.poll(async () => (await state()).body.state, { timeout: 20_000 }).toBe('made')
    }
    const { body } = await erase(caller, 'ada')
    expect(body.counts).toMatchObject({ exports: 1, export_subjects: 2, export_chunks: 2 })
    const left = await memory.admin`select subject_id from export_chunks where tenant_id = ${caller.tenantId}`
    expect(left).toEqual([{ subject_id: 'bob' }])
    const own = await call<ProblemBody>(memory.app, caller, 'GET', `/v1/privacy/exports/${made[0]}`)
    expect(own).toMatchObject({ status: 404, body: { code: 'export_not_found' } })
  }, 30_000)

  test('is found again by its id, in its tenant only', async () => {
    const caller = newCaller()
    await remember(memory.app, caller, { content: 'x', subject_id: 'ada' })
    const { body, headers } = await erase(caller, 'ada')
    expect(headers['location']).toBe(`/v1/privacy/erasures/${body.id}`)
    expect((await status(caller, body.id)).body).toEqual(body)
    expect(await status(newCaller(), body.id)).toMatchObject({ status: 404, body: { code: 'erasure_not_found' } })
    expect((await status({ ...caller, subjects: ['bob'] }, body.id)).status).toBe(404)
  })

  test('is told in the transaction of its first and of its last step, without content', async () => {
    const caller = newCaller()
    await remember(memory.app, caller, { content: 'planted words', subject_id: 'ada' })
    const { body } = await erase(caller, 'ada')
    const told = async (type: string) =>
      (await memory.events(type)).filter(({ tenantid }) => tenantid === caller.tenantId)
    const [started, erased] = [await told('subject.erasure_started'), await told('subject.erased')]
    expect(started).toHaveLength(1)
    expect(started[0]?.data).toMatchObject({ resource_id: 'ada', details: { erasure_id: body.id, keys_destroyed: 1 } })
    expect(erased).toHaveLength(1)
    expect(erased[0]).toMatchObject({
      actor: `api_key:${caller.principal.id}`,
      data: { resource_id: 'ada', details: { erasure_id: body.id, counts: body.counts, processes: 1 } },
    })
    expect(JSON.stringify([started, erased])).not.toContain('planted')
  })

  test('makes copies of the rows unreadable, wherever they are kept', async () => {
    const caller = newCaller()
    const { body } = await remember(memory.app, caller, { content: 'kept in a backup', subject_id: 'ada' })
    const { admin } = memory
    await admin`create table backup_of_memories as select * from memories where tenant_id = ${caller.tenantId}`
    await erase(caller, 'ada')
    await admin`insert into memories select * from backup_of_memories`
    await admin`update memories set change = 1000 where id = ${body.id}`
    const url = `/v1/memories/${body.id}`
    expect(await call<ProblemBody>(memory.app, caller, 'GET', url)).toMatchObject({ status: 404 })
    // Neither under the key that the subject gets when it comes back.
    await remember(memory.app, caller, { content: 'anew', subject_id: 'ada' })
    expect((await call<ProblemBody>(memory.app, caller, 'GET', url)).status).toBe(503)
    await admin`delete from memories where id = ${body.id}`
    expect(await list(caller, 'ada')).toEqual(['anew'])
  })

  test('of what never existed is an erasure of nothing', async () => {
    const { status: code, body } = await erase(newCaller(), 'nobody / ever')
    expect([code, body.state, body.keys_destroyed, body.counts]).toEqual([
      200,
      'done',
      0,
      { subjects: 0, subject_keys: 0 },
    ])
    expect(said(body)).toMatchObject({ subject_id: 'nobody / ever', keys_destroyed: 0 })
  })

  test('asked for again is the same one, until there is something new', async () => {
    const caller = newCaller()
    await remember(memory.app, caller, { content: 'first', subject_id: 'ada' })
    const first = await erase(caller, 'ada')
    expect(await erase(caller, 'ada')).toMatchObject({ status: 200, body: first.body })
    const back = await remember(memory.app, caller, { content: 'first', subject_id: 'ada' })
    expect(back).toMatchObject({ status: 201, body: { seq: 1, seen_count: 1 } })
    const second = await erase(caller, 'ada')
    expect(second.body.id).not.toBe(first.body.id)
    expect(second.body.counts).toMatchObject({ memories: 1, subject_keys: 1 })
    expect(await list(caller, 'ada')).toEqual([])
  })

  test('asked for again a day later is a new one', async () => {
    const caller = newCaller()
    const first = await erase(caller, 'ada')
    await memory.admin`update erasures set requested_at = now() - interval '25 hours' where id = ${first.body.id}`
    expect((await erase(caller, 'ada')).body.id).not.toBe(first.body.id)
  })

  test('asked for by many at once happens once', async () => {
    const caller = newCaller()
    await livedIn(caller, 'ada')
    const answers = await Promise.all(Array.from({ length: 10 }, () => erase(caller, 'ada')))
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
    expect(new Set(answers.map(({ body }) => body.receipt)).size).toBe(1)
    const started = await memory.events('subject.erasure_started')
    expect(started.filter(({ tenantid }) => tenantid === caller.tenantId)).toHaveLength(1)
  })
})

describe('who may not', () => {
  test('a credential for other subjects, or for some namespaces only, erases nothing', async () => {
    const caller = newCaller()
    await remember(memory.app, caller, { content: 'stays', subject_id: 'ada' })
    const tries: [Partial<Caller>, string][] = [
      [{ subjects: ['bob'] }, 'subject_not_allowed'],
      [{ namespaces: ['default'] }, 'namespace_not_allowed'],
      [{ permissions: ['memories:delete', 'privacy:export'] }, 'permission_denied'],
    ]
    for (const [limits, code] of tries) {
      expect(await erase({ ...caller, ...limits }, 'ada')).toMatchObject({ status: 403, body: { code } })
    }
    expect(await list(caller, 'ada')).toEqual(['stays'])
    expect((await erase({ ...caller, subjects: ['ada'] }, 'ada')).status).toBe(200)
  })

  test('another tenant erases its own subject of that name', async () => {
    const [ada, eve] = [newCaller(), newCaller()]
    await remember(memory.app, ada, { content: 'stays', subject_id: 'ada' })
    expect((await erase(eve, 'ada')).body.counts).toEqual({ subjects: 0, subject_keys: 0 })
    expect(await list(ada, 'ada')).toEqual(['stays'])
  })

  test('an id that is none is refused with its place', async () => {
    expect(await erase(newCaller(), ' ')).toMatchObject({ status: 400, body: { errors: [{ pointer: 'path/id' }] } })
    expect((await erase(newCaller(), 'x'.repeat(129))).status).toBe(400)
    expect(await status(newCaller(), 'no-id')).toMatchObject({ status: 400, body: { code: 'validation_failed' } })
  })
})

describe('while the log is away', () => {
  test('the memories are gone at once, and the receipt comes when the log has answered', async () => {
    const caller = newCaller()
    log.isThere = false
    await remember(memory.app, caller, { content: 'gone', subject_id: 'ada' })
    const { status: code, body } = await erase(caller, 'ada')
    expect([code, body.state, body.step, body.receipt]).toEqual([202, 'running', 'log', null])
    expect(await list(caller, 'ada')).toEqual([])
    // What comes back meanwhile is not part of it, and is erased by one of its own.
    expect((await remember(memory.app, caller, { content: 'new', subject_id: 'ada' })).status).toBe(201)
    const another = await erase(caller, 'ada')
    expect(another.body.id).not.toBe(body.id)
    expect(await list(caller, 'ada')).toEqual([])
    log.isThere = true
    expect(said(await untilDone(caller, body.id))).toMatchObject({ log_keys_destroyed: 1 })
    await untilDone(caller, another.body.id)
    const question = log.asked.find(({ erasureId }) => erasureId === body.id)
    expect(question).toMatchObject({
      tenantId: caller.tenantId,
      subjectId: 'ada',
      until: Date.parse(body.requested_at),
    })
  }, 40_000)
})

describe('a crash', () => {
  const steps = ['processes', 'log', 'receipt', 'done'] as const

  test.each(steps)(
    'before the step %s is begun: the next start ends the erasure, with the same counts',
    async (step) => {
      const caller = newCaller()
      await livedIn(caller, 'ada')
      const { memories, subject_keys } = await rowsOf(caller, 'ada')
      const { admin } = memory
      await admin.unsafe(`
      create function crash() returns trigger language plpgsql as $$
      begin
        if new.tenant_id = '${caller.tenantId}' and new.step = '${step}' then raise exception 'a crash'; end if;
        return new;
      end $$;
      create trigger crash before update on erasures for each row execute function crash()`)
      const { status: code, body } = await erase(caller, 'ada')
      expect([code, body.state]).toEqual([202, 'running'])
      expect(await list(caller, 'ada')).toEqual([])
      await admin.unsafe('drop trigger crash on erasures; drop function crash()')
      const { app, deps } = await memory.startAnother()
      const done = await untilDone(caller, body.id)
      expect(done.counts).toMatchObject({ memories, subject_keys })
      expect(await rowsOf(caller, 'ada')).toEqual({})
      const erased = await memory.events('subject.erased')
      expect(erased.filter(({ tenantid }) => tenantid === caller.tenantId)).toHaveLength(1)
      await app.close()
      await deps.closer.close()
    },
    60_000,
  )

  test('in the middle of deleting rows: nothing opens, nothing can be written, and the rest goes later', async () => {
    const caller = newCaller()
    await livedIn(caller, 'ada')
    const { admin } = memory
    await admin.unsafe(`
      create function crash() returns trigger language plpgsql as $$
      begin
        if old.tenant_id = '${caller.tenantId}' then raise exception 'a crash'; end if;
        return old;
      end $$;
      create trigger crash before delete on memories for each row execute function crash()`)
    const { status: code, body } = await erase(caller, 'ada')
    expect([code, body.step]).toEqual([202, 'rows'])
    expect(Object.keys(await rowsOf(caller, 'ada'))).toContain('memories')
    expect(await list(caller, 'ada')).toEqual([])
    expect(contents(await search(memory.app, caller, { query: 'note', subject_id: 'ada' }))).toEqual([])
    const write = await remember(memory.app, caller, { content: 'too early', subject_id: 'ada' })
    expect(write).toMatchObject({ status: 409, body: { code: 'erasure_running' } })
    await admin.unsafe('drop trigger crash on memories; drop function crash()')
    expect((await erase(caller, 'ada')).body.id).toBe(body.id)
    expect((await untilDone(caller, body.id)).counts).toMatchObject({ memories: 301 })
    expect((await remember(memory.app, caller, { content: 'in time', subject_id: 'ada' })).status).toBe(201)
  }, 60_000)
})

describe('other processes', () => {
  test('forget the subject before the receipt is signed, also one that hears nothing', async () => {
    const caller = newCaller()
    const other = await memory.startAnother()
    const deaf = await memory.startAnother({ NATS_URL: 'nats://127.0.0.1:1' })
    const written = await remember(deaf.app, caller, { content: 'known to all', subject_id: 'ada' })
    for (const { app } of [memory, other, deaf]) {
      expect(contents(await search(app, caller, { query: 'known', subject_id: 'ada' }))).toEqual(['known to all'])
    }
    const { status: code, body } = await erase(caller, 'ada')
    expect(code).toBe(200)
    expect(said(body)['processes_confirmed']).toBe(3)
    for (const { app, deps } of [memory, other, deaf]) {
      expect((await call(app, caller, 'GET', `/v1/memories/${written.body.id}`)).status).toBe(404)
      expect(contents(await search(app, caller, { query: 'known', subject_id: 'ada' }))).toEqual([])
      expect(await deps.keys.forReading(caller.tenantId, 'ada', (keys) => keys)).toBeNull()
    }
    for (const { app, deps } of [other, deaf]) {
      await app.close()
      await deps.closer.close()
    }
  }, 60_000)

  test('do not write under a destroyed key that they still hold', async () => {
    const caller = newCaller()
    const deaf = await memory.startAnother({ NATS_URL: 'nats://127.0.0.1:1' })
    await remember(deaf.app, caller, { content: 'before', subject_id: 'ada' })
    const erasing = erase(caller, 'ada')
    await expect.poll(() => rowsOf(caller, 'ada')).toEqual({})
    const write = () => remember(deaf.app, caller, { content: 'after', subject_id: 'ada', on_duplicate: 'reinforce' })
    await expect.poll(async () => (await write()).status).toBe(201)
    await erasing
    expect(await list(caller, 'ada')).toEqual(['after'])
    const [key] = await memory.admin`select version from subject_keys where tenant_id = ${caller.tenantId}`
    expect(key).toEqual({ version: 2 })
    await deaf.app.close()
    await deaf.deps.closer.close()
  }, 60_000)

  test('that ended without a word are not waited for', async () => {
    const caller = newCaller()
    await memory.admin`insert into processes (id, seen_at) values (gen_random_uuid(), now() - interval '1 minute')`
    expect((await erase(caller, 'ada')).status).toBe(200)
  })
})

test('of 50 writers at the same time, no memory that was acknowledged before the erasure is there after it', async () => {
  const caller = newCaller()
  const other = await memory.startAnother()
  const acknowledged: string[] = []
  const seen: number[] = []
  let isOver = false
  const writers = Array.from({ length: 50 }, async (_, i) => {
    for (let n = 0; !isOver && n < 200; n++) {
      const content = `writer ${i}, number ${n}`
      const { app } = i % 2 === 0 ? memory : other
      const answer = await remember(app, caller, { content, subject_id: 'ada' })
      seen.push(answer.status)
      if (answer.status === 201) acknowledged.push(content)
    }
  })
  await expect.poll(() => acknowledged.length).toBeGreaterThan(100)
  const before = [...acknowledged]
  const { status: code } = await erase(caller, 'ada')
  expect(code).toBe(200)
  isOver = true
  await Promise.all(writers)
  const left = new Set(await everything(caller))
  expect(before.filter((content) => left.has(content))).toEqual([])
  expect([...left].filter((content) => !acknowledged.includes(content))).toEqual([])
  expect(seen.filter((code) => code !== 201 && code !== 409)).toEqual([])
  // What is left opens in every process.
  expect(new Set(await everything(caller, other.app))).toEqual(left)
  await other.app.close()
  await other.deps.closer.close()
}, 60_000)

async function everything(caller: Caller, app = memory.app): Promise<string[]> {
  const found: string[] = []
  let cursor = ''
  for (;;) {
    const url = `/v1/memories?limit=200&subject_id=ada${cursor}`
    const { body } = await call<{ items: Memory[]; next_cursor: string | null }>(app, caller, 'GET', url)
    found.push(...body.items.map(({ content }) => content))
    if (body.next_cursor === null) return found
    cursor = `&cursor=${body.next_cursor}`
  }
}

test('a receipt of before stays checkable after the operator rotated the key, and its private half is gone', async () => {
  const { body } = await erase(newCaller(), 'ada')
  const [before] = await verifierKeys()
  const lines: string[] = []
  const env = { ...processSettings, ...memory.settings() }
  const print = (line: string) => void lines.push(line)
  expect(await runMemoryOperator(['receipt-key', 'rotate'], { env, out: print, err: print })).toBe(0)
  const [next, ...others] = await verifierKeys()
  expect(lines).toEqual([`Receipts are signed with ${next} from now on.`])
  expect(others).toContain(before)
  expect(verifyNote(body.receipt ?? '', (await verifierKeys()).map(parseVerifierKey))).toHaveLength(1)
  const retired = await memory.admin`
    select from receipt_keys where retired_at is not null and length(wrapped) > 0`
  expect(retired).toHaveLength(0)
  const later = await erase(newCaller(), 'ada')
  expect(verifyNote(later.body.receipt ?? '', [parseVerifierKey(next ?? '')])).toHaveLength(1)
  expect((await memory.events('receipt_key.rotated')).map(({ actor }) => actor)).toEqual([
    expect.stringMatching(/^operator:/),
  ])
  expect(await runMemoryOperator(['receipt-key', 'burn'], { env, out: print, err: print })).toBe(2)
})

test('the program of the documentation checks receipts, and finds every change of one', async () => {
  const documentation = readFileSync(new URL('../../../docs/privacy.md', import.meta.url), 'utf8')
  const [, program = ''] = /```js\n(\/\/ node verify-receipt\.mjs[^`]+)```/.exec(documentation) ?? []
  const folder = mkdtempSync(join(tmpdir(), 'memoric-receipt-'))
  const check = (answer: object, keys: readonly string[]) => {
    writeFileSync(join(folder, 'verify-receipt.mjs'), program)
    writeFileSync(join(folder, 'erasure.json'), JSON.stringify(answer))
    writeFileSync(join(folder, 'receipt-key.txt'), `${keys.join('\n')}\n`)
    const files = ['verify-receipt.mjs', 'erasure.json', 'receipt-key.txt']
    return spawnSync(process.execPath, files, { cwd: folder, encoding: 'utf8' })
  }
  const { body } = await erase(newCaller(), 'Ada — “with \\n lines”')
  const keys = await verifierKeys()
  const right = check(body, keys)
  expect([right.stderr, right.status]).toEqual(['', 0])
  expect(right.stdout).toContain(body.id)
  const receipt = body.receipt ?? ''
  const wrong = [
    receipt.replace('"keys_destroyed":0', '"keys_destroyed":1'),
    receipt.replace('{', '{ '),
    `${receipt}\n`,
  ]
  for (const changed of wrong) expect(check({ ...body, receipt: changed }, keys).status).toBe(1)
  expect(check(body, [createNoteSigner('memoric-receipts', randomBytes(32)).verifierKey]).status).toBe(1)
  rmSync(folder, { recursive: true })
})

describe('while a legal hold keeps the personal data in the log', () => {
  test('the erasure does not wait: the receipt says so, and another one takes its place when the hold has ended', async () => {
    const caller = newCaller()
    log.isHeld = true
    await remember(memory.app, caller, { content: 'gone', subject_id: 'ada' })
    const { status: code, body } = await erase(caller, 'ada')
    expect([code, body.state, body.log_held]).toEqual([200, 'done', true])
    expect(said(body)).toMatchObject({ log_held: true, log_keys_destroyed: 0 })
    expect(await list(caller, 'ada')).toEqual([])
    const asks = () => log.asked.filter(({ erasureId }) => erasureId === body.id).length
    const before = asks()
    // Another process looks at once; this one does within a minute.
    const one = await memory.startAnother()
    await expect.poll(asks, { timeout: 10_000 }).toBe(before + 1)
    expect((await status(caller, body.id)).body).toEqual(body)
    log.isHeld = false
    const others = [await memory.startAnother(), await memory.startAnother()]
    await expect.poll(async () => (await status(caller, body.id)).body.log_held, { timeout: 10_000 }).toBe(false)
    const after = (await status(caller, body.id)).body
    expect([after.state, after.id]).toEqual(['done', body.id])
    expect(said(after)).toMatchObject({ log_held: false, log_keys_destroyed: 1, erasure_id: body.id })
    const keys = (await verifierKeys()).map(parseVerifierKey)
    expect(() => verifyNote(after.receipt ?? '', keys)).not.toThrow()
    const told = await memory.admin<{ details: Record<string, unknown> }[]>`
      select payload::jsonb -> 'data' -> 'details' as details from outbox
      where tenant_id = ${caller.tenantId} and payload::jsonb ->> 'type' = 'subject.erased' order by created_at, event_id`
    expect(told.map(({ details }) => details['log_held'])).toEqual([true, false])
    for (const process of [one, ...others]) await process.deps.erasures.close()
  }, 40_000)
})
