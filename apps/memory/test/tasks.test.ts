import { randomUUID } from 'node:crypto'
import type { Caller } from '@memoric/contracts/caller.ts'
import type { MemoryVersion } from '@memoric/contracts/memory-contract.ts'
import type { Task } from '@memoric/contracts/task-contract.ts'
import { describe, expect, test } from 'vitest'
import { type Answer, call, newCaller, type ProblemBody, search, useMemory } from './use-memory.ts'
import { faults, type Page, plan, problem } from './use-notes.ts'

const memory = useMemory()

type TaskAnswer = Answer<Task & ProblemBody>

const full = {
  subject_id: 'iris',
  title: 'Write the report',
  description: 'Ana expects it on Wednesday.\n\nKeep it short.',
  with_whom: 'Ana',
  priority: 0.9,
  due_at: '2027-01-06T00:00:00.000Z',
  tags: ['report'],
}

const listed = async (caller: Caller, query = '') =>
  (await call<Page<Task>>(memory.app, caller, 'GET', `/v1/tasks?subject_id=iris${query}`)).body

const get = (caller: Caller, id: string) => call<Task>(memory.app, caller, 'GET', `/v1/tasks/${id}`)

const act = (caller: Caller, id: string, verb: 'claim' | 'complete' | 'release', body: object = {}) =>
  call<Task & ProblemBody>(memory.app, caller, 'POST', `/v1/tasks/${id}/${verb}`, body)

const claimNext = (caller: Caller, body: object = {}): Promise<Answer<(Task & ProblemBody) | null>> =>
  call(memory.app, caller, 'POST', '/v1/tasks/claim-next', { subject_id: 'iris', ...body })

const change = (caller: Caller, id: string, body: object, headers: Record<string, string> = {}) =>
  call<Task & ProblemBody>(memory.app, caller, 'PATCH', `/v1/tasks/${id}`, body, headers)

const planned = async (caller: Caller, body: object = {}) =>
  (await plan(memory.app, caller, { subject_id: 'iris', title: 'x', ...body })).body

const eventsOf = async (caller: Caller, type: string) =>
  (await memory.events(type)).filter(({ tenantid }) => tenantid === caller.tenantId)

/** As if the lease of a claim had run out. */
const runOut = (id: string) =>
  memory.admin`update tasks set claimed_until = now() - interval '1 second' where id = ${id}`

const worker = (caller: Caller): Caller => newCaller({ tenantId: caller.tenantId })

describe('a task', () => {
  test('keeps everything that was said', async () => {
    const caller = newCaller()
    const made = await plan(memory.app, caller, full)
    expect([made.status, made.headers.location]).toEqual([201, `/v1/tasks/${made.body.id}`])
    expect(made.body).toMatchObject({
      ...full,
      state: 'open',
      version: 1,
      claim: null,
      times_claimed: 0,
      result: null,
      depends_on: [],
      ended_at: null,
      ended_by: null,
      written_by: `api_key:${caller.principal.id}`,
    })
    expect((await get(caller, made.body.id)).body).toEqual(made.body)
    expect(await eventsOf(caller, 'task.created')).toHaveLength(1)
    await expect.poll(() => eventsOf(caller, 'task.read')).toHaveLength(1)
    expect((await planned(newCaller())).description).toBeNull()
  })

  test.each([
    ['without a title', { title: undefined }],
    ['with a title of two lines', { title: 'a\nb' }],
    ['with a title of 201 characters', { title: 'x'.repeat(201) }],
    ['with a description of more than 16 KiB', { description: 'x'.repeat(16_385) }],
    ['of too much priority', { priority: 2 }],
    ['due some day', { due_at: 'tomorrow' }],
    ['that is done', { state: 'done' }],
    ['that depends on something twice', { depends_on: Array<string>(2).fill(randomUUID()) }],
  ])('%s is refused and changes nothing', async (_what, wrong) => {
    const caller = newCaller()
    expect(problem(await plan(memory.app, caller, { ...full, ...wrong }))).toEqual([400, 'validation_failed'])
    expect((await listed(caller)).items).toEqual([])
  })

  test('is found by a search, and its memory is changed through it only', async () => {
    const caller = newCaller()
    const { body: made } = await plan(memory.app, caller, full)
    const { body } = await search(memory.app, caller, { query: 'report wednesday', subject_id: 'iris' })
    expect(body.results[0]?.memory).toMatchObject({ id: made.id, role: 'task', importance: 0.9 })
    const url = `/v1/memories/${made.id}`
    expect(problem(await call(memory.app, caller, 'PATCH', url, { content: 'x' }))).toEqual([409, 'memory_of_record'])
    expect(problem(await call(memory.app, caller, 'DELETE', url))).toEqual([409, 'memory_of_record'])
  })

  test('is changed by a new version, in the version that If-Match names', async () => {
    const caller = newCaller()
    const { body: made } = await plan(memory.app, caller, full)
    const changed = await change(
      caller,
      made.id,
      { title: 'Send it', due_at: null, priority: 0.1 },
      { 'if-match': '1' },
    )
    expect(changed.body).toEqual({
      ...made,
      version: 2,
      title: 'Send it',
      due_at: null,
      priority: 0.1,
      updated_at: changed.body.updated_at,
    })
    expect(problem(await change(caller, made.id, { title: 'Late' }, { 'if-match': '1' }))).toEqual([
      412,
      'version_mismatch',
    ])
    const history = await call<{ items: MemoryVersion[] }>(memory.app, caller, 'GET', `/v1/memories/${made.id}/history`)
    expect(history.body.items.map(({ content }) => content.split('\n')[0])).toEqual(['Send it', 'Write the report'])
    expect((await change(caller, made.id, { description: null })).body.description).toBeNull()
    expect(await eventsOf(caller, 'task.updated')).toHaveLength(2)
    expect(problem(await change(caller, made.id, { state: 'done' }))).toEqual([400, 'validation_failed'])
  })

  test('is deleted with its memory', async () => {
    const caller = newCaller()
    const { id } = await planned(caller)
    expect((await call(memory.app, caller, 'DELETE', `/v1/tasks/${id}`)).status).toBe(204)
    expect(problem(await get(caller, id))).toEqual([404, 'task_not_found'])
    expect((await call(memory.app, caller, 'GET', `/v1/memories/${id}`)).status).toBe(404)
    expect(problem(await call(memory.app, caller, 'DELETE', `/v1/tasks/${id}`))).toEqual([404, 'task_not_found'])
    expect(await eventsOf(caller, 'task.deleted')).toHaveLength(1)
  })

  test('is written once by requests with one Idempotency-Key', async () => {
    const caller = newCaller()
    const send = () => call<Task>(memory.app, caller, 'POST', '/v1/tasks', full, { 'idempotency-key': 'once' })
    const answers = await Promise.all(Array.from({ length: 10 }, send))
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.id}`)).size).toBe(1)
    expect((await listed(caller)).items).toHaveLength(1)
  })
})

describe('a claim', () => {
  test('is with one until it is given back', async () => {
    const [caller, one, other] = [newCaller()].flatMap((each) => [each, worker(each), worker(each)])
    const { id } = await planned(caller!)
    const claimed = await act(one!, id, 'claim', { agent: 'iris-2', lease_seconds: 60 })
    expect(claimed.status).toBe(200)
    expect(claimed.body).toMatchObject({ state: 'claimed', times_claimed: 1, version: 1 })
    const { claim } = claimed.body
    expect(claim).toMatchObject({ by: `api_key:${one!.principal.id}`, agent: 'iris-2' })
    expect(Date.parse(claim!.until) - Date.parse(claim!.claimed_at)).toBe(60_000)
    for (const who of [one!, other!]) {
      expect(problem(await act(who, id, 'claim'))).toEqual([409, 'task_claimed'])
    }
    for (const verb of ['complete', 'release'] as const) {
      expect(problem(await act(other!, id, verb))).toEqual([409, 'task_not_claimed'])
      expect(problem(await act(one!, id, verb, { claim_id: randomUUID() }))).toEqual([409, 'task_not_claimed'])
    }
    expect((await get(caller!, id)).body).toEqual(claimed.body)
    const released = await act(one!, id, 'release', { claim_id: claim!.id })
    expect(released.body).toMatchObject({ state: 'open', claim: null, times_claimed: 1 })
    expect(problem(await act(one!, id, 'release'))).toEqual([409, 'task_not_claimed'])
    expect((await act(other!, id, 'claim')).body.times_claimed).toBe(2)
    expect(await eventsOf(caller!, 'task.released')).toHaveLength(1)
    const told = (await eventsOf(caller!, 'task.claimed')).map(({ data }) => data.details)
    expect(told).toMatchObject([
      { claim_id: claim!.id, renewed: false, times_claimed: 1 },
      { renewed: false, times_claimed: 2 },
    ])
    expect(JSON.stringify(told)).not.toContain('iris-2')
  })

  test('ends with its lease: the task is open again, and who had it has it no more', async () => {
    const caller = newCaller()
    const [slow, quick] = [worker(caller), worker(caller)]
    const { id } = await planned(caller)
    const { body: claimed } = await act(slow, id, 'claim', { lease_seconds: 1 })
    await expect.poll(async () => (await get(caller, id)).body.state, { timeout: 3000 }).toBe('open')
    expect((await get(caller, id)).body.claim).toBeNull()
    for (const verb of ['complete', 'release', 'claim'] as const) {
      const late = await act(slow, id, verb, { claim_id: claimed.claim!.id })
      expect(problem(late)).toEqual([409, 'task_not_claimed'])
    }
    expect((await act(quick, id, 'claim')).body).toMatchObject({ state: 'claimed', times_claimed: 2 })
    expect(problem(await act(slow, id, 'complete'))).toEqual([409, 'task_not_claimed'])
    expect((await act(quick, id, 'complete')).status).toBe(200)
  })

  test('of one of several workers with one credential is told apart by its id', async () => {
    const caller = newCaller()
    const { id } = await planned(caller)
    const { body: first } = await act(caller, id, 'claim', { agent: 'one' })
    await runOut(id)
    const { body: second } = await act(caller, id, 'claim', { agent: 'two' })
    expect(problem(await act(caller, id, 'complete', { claim_id: first.claim!.id }))).toEqual([409, 'task_not_claimed'])
    expect((await act(caller, id, 'complete', { claim_id: second.claim!.id })).status).toBe(200)
  })

  test('is renewed by who has it', async () => {
    const caller = newCaller()
    const { id } = await planned(caller)
    const { body: claimed } = await act(caller, id, 'claim', { lease_seconds: 2 })
    const claim_id = claimed.claim!.id
    const renewed = await act(caller, id, 'claim', { claim_id, lease_seconds: 600 })
    expect(renewed.body.claim).toMatchObject({ id: claim_id, claimed_at: claimed.claim!.claimed_at })
    expect(Date.parse(renewed.body.claim!.until)).toBeGreaterThan(Date.now() + 500_000)
    expect(renewed.body.times_claimed).toBe(1)
    expect(problem(await act(worker(caller), id, 'claim', { claim_id }))).toEqual([409, 'task_not_claimed'])
    expect((await eventsOf(caller, 'task.claimed')).at(-1)?.data.details).toMatchObject({ renewed: true })
  })

  test.each([
    { lease_seconds: 0 },
    { lease_seconds: 86_401 },
    { lease_seconds: 1.5 },
    { agent: '' },
    { claim_id: 'x' },
  ])('with %j is refused', async (body) => {
    const caller = newCaller()
    const { id } = await planned(caller)
    expect(problem(await act(caller, id, 'claim', body))).toEqual([400, 'validation_failed'])
    expect((await get(caller, id)).body.state).toBe('open')
  })
})

describe('a task is ended', () => {
  test('by completing it, once, with a result that a search finds', async () => {
    const caller = newCaller()
    const { body: made } = await plan(memory.app, caller, full)
    expect(problem(await act(caller, made.id, 'complete'))).toEqual([409, 'task_not_claimed'])
    await act(caller, made.id, 'claim')
    const done = await act(caller, made.id, 'complete', { result: 'Sent to Ana.\nShe was content.' })
    expect(done.body).toMatchObject({
      ...full,
      state: 'done',
      version: 2,
      claim: null,
      result: 'Sent to Ana.\nShe was content.',
      ended_by: `api_key:${caller.principal.id}`,
    })
    expect((await get(caller, made.id)).body).toEqual(done.body)
    for (const verb of ['claim', 'complete', 'release'] as const) {
      expect(problem(await act(caller, made.id, verb))).toEqual([409, 'task_ended'])
    }
    for (const body of [{ title: 'x' }, { state: 'cancelled' }]) {
      expect(problem(await change(caller, made.id, body))).toEqual([409, 'task_ended'])
    }
    const { body } = await search(memory.app, caller, { query: 'content sent', subject_id: 'iris' })
    expect(body.results[0]?.memory.id).toBe(made.id)
    const [event] = await eventsOf(caller, 'task.completed')
    expect(event?.data.details).toMatchObject({ has_result: true, times_claimed: 1 })
  })

  test('by completing it without a result, which writes no version', async () => {
    const caller = newCaller()
    const { id } = await planned(caller)
    await act(caller, id, 'claim')
    expect((await act(caller, id, 'complete')).body).toMatchObject({ state: 'done', version: 1, result: null })
    const long = await act(caller, id, 'complete', { result: 'x'.repeat(8193) })
    expect(problem(long)).toEqual([400, 'validation_failed'])
  })

  test('by cancelling it, which takes the claim away', async () => {
    const caller = newCaller()
    const { id } = await planned(caller)
    const busy = worker(caller)
    await act(busy, id, 'claim')
    const cancelled = await change(caller, id, { state: 'cancelled' })
    expect(cancelled.body).toMatchObject({
      state: 'cancelled',
      claim: null,
      ended_by: `api_key:${caller.principal.id}`,
    })
    expect(problem(await act(busy, id, 'complete'))).toEqual([409, 'task_ended'])
    expect(await eventsOf(caller, 'task.cancelled')).toHaveLength(1)
    expect(await claimNext(caller)).toMatchObject({ status: 204, body: null })
  })
})

describe('the next task', () => {
  test('is the open one of the highest priority, the oldest of those', async () => {
    const caller = newCaller()
    for (const [title, priority] of [
      ['low', 0.1],
      ['first', 0.8],
      ['second', 0.8],
      ['high', 0.9],
    ] as const) {
      await planned(caller, { title, priority })
    }
    const titles: (string | undefined)[] = []
    for (let n = 0; n < 4; n++) titles.push((await claimNext(caller)).body?.title)
    expect(titles).toEqual(['high', 'first', 'second', 'low'])
    const none = await claimNext(caller)
    expect([none.status, none.body]).toEqual([204, null])
  })

  test('is not one that waits for others, until they are done, cancelled or deleted', async () => {
    const caller = newCaller()
    const before = await Promise.all([planned(caller), planned(caller), planned(caller)])
    const depends_on = before.map(({ id }) => id)
    const { id } = await planned(caller, { title: 'last', priority: 1, depends_on })
    expect((await get(caller, id)).body.depends_on).toEqual(depends_on)
    expect(problem(await act(caller, id, 'claim'))).toEqual([409, 'task_blocked'])
    for (let n = 0; n < 3; n++) expect((await claimNext(caller)).body?.title).toBe('x')
    expect((await claimNext(caller)).status).toBe(204)
    await act(caller, depends_on[0]!, 'complete')
    await change(caller, depends_on[1]!, { state: 'cancelled' })
    expect(problem(await act(caller, id, 'claim'))).toEqual([409, 'task_blocked'])
    await call(memory.app, caller, 'DELETE', `/v1/tasks/${depends_on[2]!}`)
    expect((await claimNext(caller)).body?.id).toBe(id)
  })

  test('depends on tasks of its own place only', async () => {
    const caller = newCaller()
    const own = await planned(caller)
    const others = [
      await planned(caller, { subject_id: 'otto' }),
      await planned(caller, { namespace: 'work' }),
      await planned(newCaller()),
      { id: randomUUID() },
    ]
    const depends_on = [own, ...others].map(({ id }) => id)
    const answer = await plan(memory.app, caller, { ...full, depends_on })
    expect(faults(answer)).toEqual([
      422,
      'rule_violated',
      ['/depends_on/1', '/depends_on/2', '/depends_on/3', '/depends_on/4'],
    ])
  })

  test('is one of the namespace that is asked for, and of those that the credential may see', async () => {
    const caller = newCaller()
    await planned(caller, { namespace: 'home', priority: 1 })
    const { id } = await planned(caller, { namespace: 'work' })
    const ofWork = newCaller({ tenantId: caller.tenantId, namespaces: ['work'] })
    expect(problem(await claimNext(ofWork, { namespace: 'home' }))).toEqual([403, 'namespace_not_allowed'])
    expect((await claimNext(ofWork)).body?.id).toBe(id)
    expect((await claimNext(ofWork)).status).toBe(204)
    expect((await claimNext(caller, { namespace: 'work' })).status).toBe(204)
  })
})

describe('twenty workers', () => {
  test('who claim one task: one gets it, in whichever process they are', async () => {
    const caller = newCaller()
    const another = await memory.startAnother()
    const { id } = await planned(caller)
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        call<Task>(n % 2 === 0 ? memory.app : another.app, worker(caller), 'POST', `/v1/tasks/${id}/claim`, {}),
      ),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(19).fill(409)])
    expect((await get(caller, id)).body.times_claimed).toBe(1)
  })

  test('who complete one claim at once: one does it', async () => {
    const caller = newCaller()
    const { id } = await planned(caller)
    const { body } = await act(caller, id, 'claim')
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => act(caller, id, 'complete', { claim_id: body.claim!.id, result: `${n}` })),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(19).fill(409)])
    expect((await get(caller, id)).body.result).toBe(answers.find(({ status }) => status === 200)?.body.result)
    expect(await eventsOf(caller, 'task.completed')).toHaveLength(1)
  })

  test('who work through sixty tasks, some dying on the way: each task is with one at a time, and done once', async () => {
    const caller = newCaller()
    await Promise.all(
      Array.from({ length: 60 }, (_, n) => planned(caller, { title: `task ${n}`, priority: (n % 7) / 7 })),
    )
    const completed: string[] = []
    const claims: { task: string; id: string; from: string; until: string }[] = []
    const released = new Set<string>()
    let died = 0
    const work = async (who: Caller, nth: number): Promise<void> => {
      for (let turn = nth; ; turn++) {
        const { status, body } = await claimNext(who, { lease_seconds: 1 })
        if (status === 204 || body === null) {
          const { items } = await listed(caller)
          if (items.length === 0) return
          await new Promise((resolve) => setTimeout(resolve, 50))
          continue
        }
        const { id: claim_id, claimed_at: from, until } = body.claim!
        claims.push({ task: body.id, id: claim_id, from, until })
        if (turn % 5 === 0) died += 1
        else if (turn % 7 === 0) {
          if ((await act(who, body.id, 'release', { claim_id })).status === 200) released.add(claim_id)
        } else {
          // What takes longer than the lease comes too late.
          const answer = await act(who, body.id, 'complete', { claim_id })
          if (answer.status === 200) completed.push(body.id)
          else expect(['task_not_claimed', 'task_ended']).toContain(answer.body.code)
        }
      }
    }
    await Promise.all(Array.from({ length: 20 }, (_, n) => work(n % 2 === 0 ? caller : worker(caller), n)))
    expect(completed).toHaveLength(60)
    expect(new Set(completed).size).toBe(60)
    expect([died > 0, released.size > 0]).toEqual([true, true])
    for (const ofTask of Map.groupBy(claims, ({ task }) => task).values()) {
      const inOrder = ofTask.toSorted((one, other) => one.from.localeCompare(other.from))
      const overlapping = inOrder.slice(1).filter(({ from }, nth) => {
        const before = inOrder[nth]!
        return from < before.until && !released.has(before.id)
      })
      expect(overlapping).toEqual([])
    }
    expect(await eventsOf(caller, 'task.completed')).toHaveLength(60)
    expect((await listed(caller, '&state=done&limit=200')).items).toHaveLength(60)
  }, 60_000)

  test('who change a task while it is claimed and completed leave it in one state', async () => {
    const caller = newCaller()
    const { id } = await planned(caller)
    const { body } = await act(caller, id, 'claim')
    const answers = await Promise.all([
      ...Array.from({ length: 10 }, (_, n): Promise<TaskAnswer> => change(caller, id, { title: `title ${n}` })),
      change(caller, id, { state: 'cancelled' }),
      act(caller, id, 'complete', { claim_id: body.claim!.id }),
    ])
    expect(answers.every(({ status }) => status === 200 || status === 409)).toBe(true)
    const { body: after } = await get(caller, id)
    expect(['done', 'cancelled']).toContain(after.state)
    const ends = answers.slice(10).filter(({ status }) => status === 200)
    expect(ends).toHaveLength(1)
    expect(ends[0]?.body.state).toBe(after.state)
  })
})

test('tasks are listed newest first, page by page, by state', async () => {
  const caller = newCaller()
  const tasks: Task[] = []
  for (let n = 0; n < 6; n++)
    tasks.push(await planned(caller, { title: `task ${n}`, namespace: n === 0 ? 'home' : 'work' }))
  const [, claimed, done, cancelled, lapsed] = tasks.map(({ id }) => id)
  for (const id of [claimed!, done!, lapsed!]) await act(caller, id, 'claim')
  await act(caller, done!, 'complete')
  await change(caller, cancelled!, { state: 'cancelled' })
  await runOut(lapsed!)
  const numbers = async (query: string) =>
    (await listed(caller, query)).items.map(({ title }) => title.slice(-1)).join('')
  expect(await numbers('')).toBe('5410')
  expect(await numbers('&state=unfinished&namespace=work')).toBe('541')
  expect(await numbers('&state=open')).toBe('540')
  expect(await numbers('&state=claimed')).toBe('1')
  expect(await numbers('&state=done')).toBe('2')
  expect(await numbers('&state=cancelled')).toBe('3')
  const first = await listed(caller, '&state=all&limit=4')
  const rest = await listed(caller, `&state=all&limit=4&cursor=${first.next_cursor}`)
  expect([...first.items, ...rest.items].map(({ title }) => title.slice(-1)).join('')).toBe('543210')
  expect(rest.next_cursor).toBeNull()
  expect(problem(await call(memory.app, caller, 'GET', '/v1/tasks?cursor=bm90aGluZw'))).toEqual([400, 'invalid_cursor'])
})

describe('who may', () => {
  test('another tenant, another subject and another namespace reach nothing', async () => {
    const caller = newCaller()
    const { tenantId } = caller
    const made = await planned(caller)
    for (const stranger of [
      newCaller(),
      newCaller({ tenantId, subjects: ['bob'] }),
      newCaller({ tenantId, namespaces: ['work'] }),
    ]) {
      for (const verb of ['claim', 'complete', 'release'] as const) {
        expect(problem(await act(stranger, made.id, verb))).toEqual([404, 'task_not_found'])
      }
      expect(problem(await get(stranger, made.id))).toEqual([404, 'task_not_found'])
      expect(problem(await change(stranger, made.id, { title: 'y' }))).toEqual([404, 'task_not_found'])
      expect(problem(await call(memory.app, stranger, 'DELETE', `/v1/tasks/${made.id}`))).toEqual([
        404,
        'task_not_found',
      ])
    }
    expect((await claimNext(newCaller())).status).toBe(204)
    const ofBob = newCaller({ tenantId, subjects: ['bob'] })
    for (const answer of [await claimNext(ofBob), await plan(memory.app, ofBob, full)]) {
      expect(problem(answer)).toEqual([403, 'subject_not_allowed'])
    }
    expect((await get(caller, made.id)).body).toEqual(made)
  })

  test('the permission of each route is asked for', async () => {
    const caller = newCaller()
    const { id } = await planned(caller)
    const reader = newCaller({ tenantId: caller.tenantId, permissions: ['memories:read'] })
    for (const verb of ['claim', 'complete', 'release'] as const) {
      expect(problem(await act(reader, id, verb))).toEqual([403, 'permission_denied'])
    }
    expect(problem(await claimNext(reader))).toEqual([403, 'permission_denied'])
    const writer = newCaller({ tenantId: caller.tenantId, permissions: ['memories:write'] })
    expect((await get(writer, id)).status).toBe(403)
    expect((await call(memory.app, writer, 'DELETE', `/v1/tasks/${id}`)).status).toBe(403)
  })
})
