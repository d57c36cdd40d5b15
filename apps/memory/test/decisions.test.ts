import { randomUUID } from 'node:crypto'
import type { Caller } from '@memoric/contracts/caller.ts'
import type { Decision } from '@memoric/contracts/decision-contract.ts'
import { describe, expect, test } from 'vitest'
import { call, newCaller, remember, search, useMemory } from './use-memory.ts'
import { decide, faults, type Page, problem, supersede } from './use-notes.ts'

const memory = useMemory()

const full = {
  subject_id: 'iris',
  decision: 'We deploy on Tuesdays only.',
  scope: 'billing',
  rationale: ['Fridays went wrong twice.', 'Ana is there on Tuesdays.'],
  constraints: ['The old cluster needs an hour to drain.'],
  alternatives: ['Every day: too few people.'],
  consequences: ['Fixes wait for up to six days.'],
  references: ['https://wiki.example.org/deploy'],
  tags: ['deployment'],
  confidence: 0.7,
}

const listed = async (caller: Caller, query = '') =>
  (await call<Page<Decision>>(memory.app, caller, 'GET', `/v1/decisions?subject_id=iris${query}`)).body.items

const get = (caller: Caller, id: string) => call<Decision>(memory.app, caller, 'GET', `/v1/decisions/${id}`)

const eventsOf = async (caller: Caller, type: string) =>
  (await memory.events(type)).filter(({ tenantid }) => tenantid === caller.tenantId)

describe('a decision', () => {
  test('keeps everything that was said, with its sources and who wrote it', async () => {
    const caller = newCaller()
    const { body: source } = await remember(memory.app, caller, { content: 'It failed again', subject_id: 'iris' })
    const made = await decide(memory.app, caller, { ...full, sources: [source.id] })
    expect([made.status, made.headers.location]).toEqual([201, `/v1/decisions/${made.body.id}`])
    expect(made.body).toMatchObject({
      ...full,
      sources: [source.id],
      status: 'active',
      supersedes: null,
      superseded_by: null,
      with_whom: null,
      version: 1,
      written_by: `api_key:${caller.principal.id}`,
    })
    expect((await get(caller, made.body.id)).body).toEqual(made.body)
    expect(await listed(caller)).toEqual([made.body])
    expect(await eventsOf(caller, 'decision.created')).toHaveLength(1)
    await expect.poll(() => eventsOf(caller, 'decision.read')).toHaveLength(2)
  })

  test('needs nothing but what was decided', async () => {
    const { body } = await decide(memory.app, newCaller(), { decision: 'Tea' })
    expect(body).toMatchObject({ decision: 'Tea', scope: null, rationale: [], references: [], confidence: 0.8 })
  })

  test.each([
    ['without what was decided', { decision: undefined }],
    ['with a rationale that is no list', { rationale: 'because' }],
    ['with 21 reasons', { rationale: Array.from({ length: 21 }, (_, n) => `because ${n}`) }],
    ['with a reason of 1001 characters', { rationale: ['x'.repeat(1001)] }],
    ['with a blank constraint', { constraints: [' '] }],
    ['of 2001 characters', { decision: 'x'.repeat(2001) }],
    ['of more than 12 KiB in all', { consequences: Array<string>(13).fill('x'.repeat(1000)) }],
    ['that says itself whether it holds', { status: 'superseded' }],
    ['that says itself what it supersedes', { supersedes: randomUUID() }],
  ])('%s is refused and changes nothing', async (_what, wrong) => {
    const caller = newCaller()
    expect(problem(await decide(memory.app, caller, { ...full, ...wrong }))).toEqual([400, 'validation_failed'])
    expect(await listed(caller)).toEqual([])
  })

  test('of the most words is stored as it is', async () => {
    const caller = newCaller()
    const consequences = [...Array<string>(10).fill('x'.repeat(1000)), '"\n'.repeat(200)]
    const made = await decide(memory.app, caller, { ...full, with_whom: '\u0001x'.repeat(127), consequences })
    expect(made.status).toBe(201)
    expect((await get(caller, made.body.id)).body).toMatchObject({ consequences, with_whom: '\u0001x'.repeat(127) })
  })

  test('names sources of its own subject only', async () => {
    const caller = newCaller()
    const { body: other } = await remember(memory.app, caller, { content: 'b', subject_id: 'otto' })
    const answer = await decide(memory.app, caller, { ...full, sources: [other.id] })
    expect(faults(answer)).toEqual([422, 'rule_violated', ['/sources/0']])
    expect(await listed(caller)).toEqual([])
  })

  test('is found by a search, by what was decided and by why', async () => {
    const caller = newCaller()
    const { body: made } = await decide(memory.app, caller, full)
    for (const query of ['tuesdays', 'fridays went wrong', 'drain', 'six days']) {
      const { body } = await search(memory.app, caller, { query, subject_id: 'iris', filters: { role: 'decision' } })
      expect(body.results.map(({ memory: { id } }) => id)).toEqual([made.id])
    }
  })

  test('is not changed, neither by a route of its own nor through its memory', async () => {
    const caller = newCaller()
    const { body: made } = await decide(memory.app, caller, full)
    const patched = await call(memory.app, caller, 'PATCH', `/v1/decisions/${made.id}`, { decision: 'x' })
    expect(patched.status).toBe(404)
    const url = `/v1/memories/${made.id}`
    expect(problem(await call(memory.app, caller, 'PATCH', url, { content: 'x' }))).toEqual([409, 'memory_of_record'])
    expect(problem(await call(memory.app, caller, 'DELETE', url))).toEqual([409, 'memory_of_record'])
    expect((await get(caller, made.id)).body).toEqual(made)
  })

  test('does not take in a memory with the same words, which would go with it', async () => {
    const caller = newCaller()
    const { body: made } = await decide(memory.app, caller, { subject_id: 'iris', decision: 'Daily.' })
    const { content } = (await call<{ content: string }>(memory.app, caller, 'GET', `/v1/memories/${made.id}`)).body
    const own = await call<{ id: string }>(memory.app, caller, 'POST', '/v1/memories', { subject_id: 'iris', content })
    expect(own.status).toBe(201)
    expect(own.body.id).not.toBe(made.id)
    await call(memory.app, caller, 'DELETE', `/v1/decisions/${made.id}`)
    expect((await call(memory.app, caller, 'GET', `/v1/memories/${own.body.id}`)).status).toBe(200)
  })

  test('is deleted with its memory', async () => {
    const caller = newCaller()
    const { body: made } = await decide(memory.app, caller, full)
    expect((await call(memory.app, caller, 'DELETE', `/v1/decisions/${made.id}`)).status).toBe(204)
    for (const path of [`/v1/decisions/${made.id}`, `/v1/memories/${made.id}`]) {
      expect((await call(memory.app, caller, 'GET', path)).status).toBe(404)
    }
    expect(problem(await call(memory.app, caller, 'DELETE', `/v1/decisions/${made.id}`))).toEqual([
      404,
      'decision_not_found',
    ])
    expect(await eventsOf(caller, 'decision.deleted')).toHaveLength(1)
  })

  test('is written once by requests with one Idempotency-Key', async () => {
    const caller = newCaller()
    const send = () => call<Decision>(memory.app, caller, 'POST', '/v1/decisions', full, { 'idempotency-key': 'once' })
    const answers = await Promise.all(Array.from({ length: 10 }, send))
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.id}`)).size).toBe(1)
    expect(await listed(caller)).toHaveLength(1)
  })
})

describe('a decision is superseded', () => {
  test('by another, and never by anything else: age alone does not', async () => {
    const caller = newCaller()
    const { body: old } = await decide(memory.app, caller, full)
    await memory.admin`
      update notes set created_at = '1990-01-01' where tenant_id = ${caller.tenantId}`
    await memory.admin`
      update memories set created_at = '1990-01-01', updated_at = '1990-01-01', occurred_at = '1990-01-01'
      where tenant_id = ${caller.tenantId}`
    const run = await call<{ state: string }>(memory.app, caller, 'POST', '/v1/policies/run', { subject_id: 'iris' })
    expect(run.status).toBeLessThan(300)
    await expect.poll(() => eventsOf(caller, 'policy.run_ended')).not.toEqual([])
    expect(await listed(caller)).toMatchObject([{ id: old.id, status: 'active', decision: full.decision }])
    const { body: next } = await supersede<Decision>(memory.app, caller, 'decisions', old.id, { decision: 'Daily.' })
    expect(next).toMatchObject({ supersedes: old.id, status: 'active', subject_id: 'iris' })
    expect((await get(caller, old.id)).body).toMatchObject({ status: 'superseded', superseded_by: next.id })
    expect((await listed(caller)).map(({ id }) => id)).toEqual([next.id])
    expect((await listed(caller, '&status=superseded')).map(({ id }) => id)).toEqual([old.id])
    expect(await eventsOf(caller, 'decision.superseded')).toHaveLength(1)
  })

  test('and counts half in searches until it holds again', async () => {
    const caller = newCaller()
    const { body: old } = await decide(memory.app, caller, full)
    const found = async () => {
      const { body } = await search(memory.app, caller, { query: 'deploy tuesdays', subject_id: 'iris', explain: true })
      return body.results.find(({ memory: { id } }) => id === old.id)
    }
    const before = await found()
    expect(before?.explanation).not.toHaveProperty('standing')
    const { body: next } = await supersede<Decision>(memory.app, caller, 'decisions', old.id, { decision: 'Daily.' })
    expect(await found()).toMatchObject({
      memory: { standing: 'attenuated' },
      explanation: { standing: { value: 0.5 } },
    })
    await call(memory.app, caller, 'DELETE', `/v1/decisions/${next.id}`)
    expect((await found())?.score).toBeCloseTo(before?.score ?? 0, 3)
  })

  test('once: again it is refused, and of twenty at once one wins', async () => {
    const caller = newCaller()
    const { body: old } = await decide(memory.app, caller, full)
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        supersede<Decision>(memory.app, caller, 'decisions', old.id, { decision: `thing ${n}` }),
      ),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array<number>(19).fill(409)])
    const winner = answers.find(({ status }) => status === 201)?.body
    expect((await get(caller, old.id)).body.superseded_by).toBe(winner?.id)
    expect(await listed(caller, '&status=all')).toHaveLength(2)
    const late = await supersede<Decision>(memory.app, caller, 'decisions', old.id, { decision: 'late' })
    expect(problem(late)).toEqual([409, 'already_superseded'])
  })

  test('by nobody else: another tenant, a limited credential, or as a knowledge note', async () => {
    const caller = newCaller()
    const { tenantId } = caller
    const { body: old } = await decide(memory.app, caller, full)
    for (const stranger of [
      newCaller(),
      newCaller({ tenantId, subjects: ['bob'] }),
      newCaller({ tenantId, namespaces: ['work'] }),
    ]) {
      const answer = await supersede<Decision>(memory.app, stranger, 'decisions', old.id, { decision: 'x' })
      expect(problem(answer)).toEqual([404, 'decision_not_found'])
      expect((await get(stranger, old.id)).status).toBe(404)
      expect((await call(memory.app, stranger, 'DELETE', `/v1/decisions/${old.id}`)).status).toBe(404)
    }
    const wrongKind = await supersede(memory.app, caller, 'knowledge', old.id, { content: 'x' })
    expect(problem(wrongKind)).toEqual([404, 'knowledge_not_found'])
    const reader = newCaller({ tenantId, permissions: ['memories:read'] })
    expect(problem(await supersede(memory.app, reader, 'decisions', old.id, { decision: 'x' }))).toEqual([
      403,
      'permission_denied',
    ])
    expect((await get(caller, old.id)).body).toEqual(old)
  })
})
