import { setTimeout as sleep } from 'node:timers/promises'
import type { Caller } from '@memoric/contracts/caller.ts'
import type { Cluster } from '@memoric/contracts/cluster-contract.ts'
import type { ContextAnswer } from '@memoric/contracts/context-contract.ts'
import type { Edit } from '@memoric/contracts/edit-contract.ts'
import type { Handoff } from '@memoric/contracts/handoff-contract.ts'
import type { IdentityQuery } from '@memoric/contracts/identity-contract.ts'
import type { Memory } from '@memoric/contracts/memory-contract.ts'
import type { ThreadSummary } from '@memoric/contracts/thread-contract.ts'
import type { WakeUpAnswer } from '@memoric/contracts/wake-up-contract.ts'
import { describe, expect, test } from 'vitest'
import { colleague, decide, edited, propose } from './use-edits.ts'
import { handOver, listed } from './use-handoffs.ts'
import { type Answer, call, contents, newCaller, type ProblemBody, remember, search, useMemory } from './use-memory.ts'

const memory = useMemory()

const FALSE = 'The moon is made of green cheese'

/** What is said in every answer that tells memories of a subject, by where it is said. */
async function tellings(caller: Caller, app = memory.app): Promise<Record<string, string>> {
  const subject = 'subject_id=ada'
  const about = { query: 'cheese', subject_id: 'ada' }
  const answers = {
    search: () => search(app, caller, about),
    'search without words': () => search(app, caller, { subject_id: 'ada', top_k: 100 }),
    'search of a thread': () => search(app, caller, { ...about, thread_id: 't' }),
    'search of all subjects': () => search(app, caller, { query: 'cheese', scope: 'namespace', namespace: 'default' }),
    context: () => call<ContextAnswer>(app, caller, 'POST', '/v1/context', { ...about, style: 'bullet' }),
    'wake-up': () => call<WakeUpAnswer>(app, caller, 'POST', '/v1/wake-up', { subject_id: 'ada', max_tokens: 4000 }),
    list: () => call<{ items: Memory[] }>(app, caller, 'GET', `/v1/memories?${subject}`),
    thread: () => call<ThreadSummary>(app, caller, 'GET', `/v1/threads/t/summary?${subject}`),
    clusters: () => call<{ items: Cluster[] }>(app, caller, 'GET', `/v1/clusters?min_size=2&${subject}`),
  }
  const told = await Promise.all(
    Object.entries(answers).map(async ([name, ask]): Promise<[string, string]> => {
      const { status, body } = await patiently(ask)
      if (status !== 200) throw new Error(`${name} answered ${status}: ${JSON.stringify(body)}`)
      return [name, JSON.stringify(body)]
    }),
  )
  return Object.fromEntries(told)
}

/** Asks again, as clients do, while a process that is loading something has too much to do. */
async function patiently(ask: () => Promise<Answer<unknown>>): Promise<Answer<unknown>> {
  for (let attempt = 1; ; attempt++) {
    const answer = await ask()
    if (answer.status !== 503 || attempt === 20) return answer
    await sleep(250)
  }
}

/** Where it is told. */
async function toldIn(caller: Caller, what: string, app = memory.app): Promise<string[]> {
  const told = await tellings(caller, app)
  return Object.keys(told).filter((name) => told[name]?.toLowerCase().includes(what.toLowerCase()))
}

const planted = { subject_id: 'ada', thread_id: 't', topic: 'moon' }

async function plant(caller: Caller): Promise<Memory> {
  const { body } = await remember(memory.app, caller, { content: FALSE, ...planted })
  await remember(memory.app, caller, { content: 'The moon is made of rock', ...planted })
  await remember(memory.app, caller, { content: 'Nobody eats the moon', ...planted })
  return body
}

const read = async (caller: Caller, id: string) =>
  (await call<Memory & ProblemBody>(memory.app, caller, 'GET', `/v1/memories/${id}`)).body

describe('an edit that was approved', () => {
  test.each(['retract', 'quarantine'])(
    '%s: is told nowhere at once, in any process, until it is undone',
    async (operation) => {
      const other = await memory.startAnother()
      const caller = newCaller()
      const { id, ...before } = await plant(caller)
      const everywhere = await toldIn(caller, 'green cheese')
      expect(everywhere).toHaveLength(9)
      expect(await toldIn(caller, 'green cheese', other.app)).toEqual(everywhere)
      const edit = await edited(memory, caller, id, { operation })
      for (const { app } of [other, memory]) expect(await toldIn(caller, 'green cheese', app)).toEqual([])
      const standing = operation === 'retract' ? 'retracted' : 'quarantined'
      expect(await read(caller, id)).toEqual({ id, ...before, standing, standing_factor: 0 })
      const { status } = await decide(other, caller, edit.id, 'undo')
      expect(status).toBe(200)
      for (const { app } of [memory, other]) expect(await toldIn(caller, 'green cheese', app)).toEqual(everywhere)
      expect(await read(caller, id)).toEqual({ id, ...before })
    },
  )

  test('stays withheld when its index is built anew, and when it is said again', async () => {
    const caller = newCaller()
    const place = { tenantId: caller.tenantId, subjectId: 'ada' }
    const { id } = await plant(caller)
    await edited(memory, caller, id)
    await memory.deps.indexes.store(place)
    memory.deps.indexes.forget(place)
    expect(await toldIn(caller, 'green cheese')).toEqual([])
    const again = await remember(memory.app, caller, { content: FALSE, ...planted })
    expect([again.status, again.body.id, again.body.standing]).toEqual([200, id, 'retracted'])
    expect(await toldIn(caller, 'green cheese')).toEqual([])
    const patched = await call(memory.app, caller, 'PATCH', `/v1/memories/${id}`, { content: `${FALSE}!` })
    expect(patched.body.standing).toBe('retracted')
    expect(await toldIn(caller, 'green cheese')).toEqual([])
  })

  test('is shown in a list that asks for what is withheld, and in nobody else’s', async () => {
    const caller = newCaller()
    const { id } = await plant(caller)
    await edited(memory, caller, id)
    const url = '/v1/memories?subject_id=ada&withheld='
    const items = async (withheld: string) =>
      (await call<{ items: Memory[] }>(memory.app, caller, 'GET', url + withheld)).body.items.length
    expect([await items('true'), await items('false')]).toEqual([3, 2])
    expect((await call(memory.app, caller, 'GET', `${url}yes`)).status).toBe(400)
  })

  test('attenuate: lowers the score by its factor, and the explanation adds up', async () => {
    const caller = newCaller()
    const { id } = await plant(caller)
    const found = async () => {
      const { body } = await search(memory.app, caller, { query: 'moon cheese', subject_id: 'ada', explain: true })
      return body.results
    }
    const [first] = await found()
    expect(first!.memory.id).toBe(id)
    await edited(memory, caller, id, { operation: 'attenuate', factor: 0.5 })
    await edited(memory, caller, id, { operation: 'attenuate', factor: 0.2 })
    const after = await found()
    expect(after.at(-1)!.memory).toMatchObject({ id, standing: 'attenuated', standing_factor: 0.1 })
    expect(after.at(-1)!.score).toBeCloseTo(first!.score / 10, 3)
    for (const { score, explanation } of after) {
      const sum = Object.values(explanation!).reduce((all, component) => all + (component?.contribution ?? 0), 0)
      expect(sum).toBeCloseTo(score, 9)
    }
    expect(after.at(-1)!.explanation?.standing?.value).toBeCloseTo(0.1, 6)
    expect(after[0]!.explanation).not.toHaveProperty('standing')
  })

  test('many times over never makes of little nothing', async () => {
    const caller = newCaller()
    const { id } = await plant(caller)
    for (let n = 0; n < 5; n++) await edited(memory, caller, id, { operation: 'attenuate', factor: 0.01 })
    expect(await read(caller, id)).toMatchObject({ standing: 'attenuated', standing_factor: 0.001 })
    expect(await toldIn(caller, 'green cheese')).toContain('search')
  })

  test('is undone by itself: what other edits say stays', async () => {
    const caller = newCaller()
    const { id } = await plant(caller)
    const half = await edited(memory, caller, id, { operation: 'attenuate', factor: 0.5 })
    const suspect = await edited(memory, caller, id, { operation: 'quarantine' })
    const wrong = await edited(memory, caller, id)
    const standing = async () => (await read(caller, id)).standing
    expect(await standing()).toBe('retracted')
    const undone = await decide(memory, caller, wrong.id, 'undo', { reason: 'it was right' })
    expect(undone.body).toMatchObject({ status: 'undone', undo_reason: 'it was right', standing: 'quarantined' })
    await decide(memory, caller, half.id, 'undo')
    expect(await standing()).toBe('quarantined')
    await decide(memory, caller, suspect.id, 'undo')
    expect(await standing()).toBe('current')
  })

  test('takes a summary with it that tells what is withheld, and no new one is made of it', async () => {
    const caller = newCaller()
    const occurred_at = new Date(Date.now() - 2 * 86_400_000).toISOString()
    const said = [
      'The moon is made of green cheese',
      'Rockets fly to the moon',
      'Moon dust is grey',
      'The moon has no air',
    ]
    const ids: string[] = []
    for (const content of said)
      ids.push((await remember(memory.app, caller, { ...planted, content, occurred_at })).body.id)
    const summarise = { min_memories: 3, older_than_days: 1 }
    const tiers = [{ name: 'short_term', summarise }, { name: 'mid_term' }, { name: 'long_term' }]
    await call(memory.app, caller, 'PUT', '/v1/policies', { policy: { tiers } })
    const summaries = async () =>
      (await call<{ items: Memory[] }>(memory.app, caller, 'GET', '/v1/memories?subject_id=ada')).body.items
        .filter(({ metadata }) => metadata['kind'] === 'summary')
        .map(({ metadata }) => metadata['source_ids'])
    await call(memory.app, caller, 'POST', '/v1/policies/run', {})
    expect(await summaries()).toEqual([ids])
    await edited(memory, caller, ids[0]!)
    expect(await summaries()).toEqual([])
    expect(await toldIn(caller, 'cheese')).toEqual([])
    await call(memory.app, caller, 'POST', '/v1/policies/run', {})
    expect(await summaries()).toEqual([ids.slice(1)])
    expect(await toldIn(caller, 'cheese')).toEqual([])
  })

  test('of a handoff withholds it from identity, lists, the last one and the wake-up', async () => {
    const caller = newCaller()
    const hand = (session_id: string, becoming: string) =>
      handOver(memory.app, caller, { subject_id: 'ada', session_id, with_whom: 'Bob', becoming })
    const { body: first } = await hand('one', 'I ask before I act')
    const { body: second } = await hand('two', 'I obey whoever asks')
    const told = async () => {
      const last = await call<Handoff>(memory.app, caller, 'GET', '/v1/handoffs/last?subject_id=ada&with_whom=Bob')
      const woken = await call<WakeUpAnswer>(memory.app, caller, 'POST', '/v1/wake-up', { subject_id: 'ada' })
      type Identity = { items: { becoming: string }[] }
      const order: IdentityQuery['order'] = 'newest'
      const identity = await call<Identity>(memory.app, caller, 'GET', `/v1/identity?subject_id=ada&order=${order}`)
      return {
        last: last.body.id,
        wakes: woken.body.text.includes('obey'),
        identity: identity.body.items.map(({ becoming }) => becoming),
        listed: (await listed(memory.app, caller, '?subject_id=ada')).map(({ id }) => id),
      }
    }
    const before = await told()
    expect(before).toEqual({
      last: second.id,
      wakes: true,
      identity: ['I obey whoever asks', 'I ask before I act'],
      listed: [second.id, first.id],
    })
    const edit = await edited(memory, caller, second.id)
    expect(await told()).toEqual({ last: first.id, wakes: false, identity: ['I ask before I act'], listed: [first.id] })
    const got = await call<Handoff>(memory.app, caller, 'GET', `/v1/handoffs/${second.id}`)
    expect(got.body).toMatchObject({ becoming: 'I obey whoever asks', standing: 'retracted' })
    await decide(memory, caller, edit.id, 'undo')
    expect(await told()).toEqual(before)
  })

  test('is told in the log, without its reason', async () => {
    const caller = newCaller()
    const { id } = await plant(caller)
    const edit = await edited(memory, caller, id, { reason: 'a secret reason' })
    await decide(memory, caller, edit.id, 'undo', { reason: 'another secret' })
    for (const type of ['edit.proposed', 'edit.approved', 'edit.undone']) {
      const [event, ...more] = (await memory.events(type)).filter(({ tenantid }) => tenantid === caller.tenantId)
      expect(more).toEqual([])
      expect(event!.data).toMatchObject({ resource_id: edit.id, details: { memory_id: id, operation: 'retract' } })
      expect(JSON.stringify(event)).not.toContain('secret')
    }
    const rows = await memory.admin`select sealed::text from memory_edits where id = ${edit.id}`
    expect(rows[0]!['sealed']).not.toContain(Buffer.from('secret').toString('hex'))
  })
})

test('reading edits and refusing one is told in the log', async () => {
  const caller = newCaller()
  const { id } = await plant(caller)
  const { body } = await propose(memory, caller, { memory_id: id })
  await decide(memory, colleague(caller), body.id, 'reject')
  await call<Edit>(memory.app, caller, 'GET', `/v1/edits/${body.id}`)
  await call<{ items: Edit[] }>(memory.app, caller, 'GET', '/v1/edits')
  const told = async (type: string) =>
    (await memory.events(type))
      .filter(({ tenantid }) => tenantid === caller.tenantId)
      .map(({ data }) => data.resource_id)
  await expect.poll(() => told('edit.read')).toEqual([body.id, null])
  expect(await told('edit.rejected')).toEqual([body.id])
})

describe('an edit that is proposed', () => {
  test('changes nothing, and nothing either when it is rejected', async () => {
    const caller = newCaller()
    const { id } = await plant(caller)
    const { status, body, headers } = await propose(memory, caller, { memory_id: id })
    expect([status, headers['location'], body.status]).toEqual([201, `/v1/edits/${body.id}`, 'proposed'])
    expect(await toldIn(caller, 'green cheese')).toHaveLength(9)
    const rejected = await decide(memory, colleague(caller), body.id, 'reject', { reason: 'it is so' })
    expect(rejected.body).toMatchObject({ status: 'rejected', decision_reason: 'it is so', standing: 'current' })
    expect(await toldIn(caller, 'green cheese')).toHaveLength(9)
    const got = await call<Edit>(memory.app, caller, 'GET', `/v1/edits/${body.id}`)
    const { standing: _standing, standing_factor: _factor, ...edit } = rejected.body
    expect(got.body).toEqual(edit)
  })

  test.each([
    [{ operation: 'forget' }],
    [{ operation: 'attenuate' }],
    [{ operation: 'attenuate', factor: 0 }],
    [{ operation: 'attenuate', factor: 1 }],
    [{ operation: 'attenuate', factor: '0.5' }],
    [{ operation: 'retract', factor: 0.5 }],
    [{ reason: '' }],
    [{ reason: 'x'.repeat(1001) }],
    [{ status: 'approved' }],
    [{ memory_id: 'x' }],
  ])('as %j is refused', async (body) => {
    const caller = newCaller()
    const { id } = await plant(caller)
    const answer = await propose(memory, caller, { memory_id: id, ...body })
    expect([answer.status, answer.body.code]).toEqual([400, 'validation_failed'])
    expect(await memory.admin`select from memory_edits where tenant_id = ${caller.tenantId}`).toHaveLength(0)
  })

  test('is bound to the version that it was proposed for', async () => {
    const caller = newCaller()
    const { id } = await plant(caller)
    const stale = await call<ProblemBody>(
      memory.app,
      caller,
      'POST',
      '/v1/edits',
      { memory_id: id, operation: 'retract', reason: 'x' },
      { 'if-match': '7' },
    )
    expect([stale.status, stale.body.code]).toEqual([412, 'version_mismatch'])
    const { body } = await propose(memory, caller, { memory_id: id })
    await call(memory.app, caller, 'PATCH', `/v1/memories/${id}`, { content: 'The moon is made of dust' })
    const late = await decide(memory, caller, body.id, 'approve')
    expect([late.status, late.body.code]).toEqual([409, 'edit_outdated'])
    expect((await read(caller, id)).standing).toBe('current')
    expect((await decide(memory, caller, body.id, 'reject')).status).toBe(200)
  })

  test('of a memory that is deleted meanwhile goes with it', async () => {
    const caller = newCaller()
    const { id } = await plant(caller)
    const { body } = await propose(memory, caller, { memory_id: id })
    const [gone, decided] = await Promise.all([
      call(memory.app, caller, 'DELETE', `/v1/memories/${id}`),
      decide(memory, caller, body.id, 'approve'),
    ])
    expect(gone.status).toBe(204)
    expect([200, 404]).toContain(decided.status)
    expect((await decide(memory, caller, body.id, 'approve')).body.code).toBe('edit_not_found')
    expect((await propose(memory, caller, { memory_id: id })).body.code).toBe('memory_not_found')
    expect(await memory.admin`select from memory_edits where tenant_id = ${caller.tenantId}`).toHaveLength(0)
  })

  test('is decided once, whoever is faster', async () => {
    const other = await memory.startAnother()
    const caller = newCaller()
    const { id } = await plant(caller)
    const { body } = await propose(memory, caller, { memory_id: id, operation: 'attenuate', factor: 0.5 })
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        decide(n % 2 === 0 ? memory : other, caller, body.id, n % 3 === 0 ? 'reject' : 'approve'),
      ),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    const lost = answers.filter(({ status }) => status !== 200).map(({ status, body: { code } }) => [status, code])
    expect(new Set(lost.map(String))).toEqual(new Set(['409,edit_state_conflict']))
    const isApproved = answers.find(({ status }) => status === 200)!.body.status === 'approved'
    expect((await read(caller, id)).standing_factor).toBe(isApproved ? 0.5 : 1)
    const undone = await Promise.all(Array.from({ length: 4 }, () => decide(other, caller, body.id, 'undo')))
    expect(undone.filter(({ status }) => status === 200)).toHaveLength(isApproved ? 1 : 0)
    expect((await read(caller, id)).standing_factor).toBe(1)
  })

  test('is one of a hundred of a memory at most', async () => {
    const caller = newCaller()
    const { id } = await plant(caller)
    for (let n = 0; n < 100; n += 20) {
      await Promise.all(Array.from({ length: 20 }, () => propose(memory, caller, { memory_id: id })))
    }
    const { status, body } = await propose(memory, caller, { memory_id: id })
    expect([status, body.code]).toEqual([409, 'too_many_edits'])
  })

  test('of others are not used up by who proposes too many', async () => {
    const caller = newCaller()
    const other = colleague(caller, { permissions: ['memories:read', 'memories:write'] })
    const { id } = await plant(caller)
    const attempts = Array.from({ length: 101 }, () => propose(memory, other, { memory_id: id }))
    expect((await Promise.all(attempts)).filter(({ status }) => status === 409)).toHaveLength(1)
    await edited(memory, caller, id)
    expect((await read(caller, id)).standing).toBe('retracted')
  })

  test('is listed newest first, by page, status, memory and subject', async () => {
    const caller = newCaller()
    const { id } = await plant(caller)
    const proposed: string[] = []
    for (let n = 0; n < 5; n++) proposed.unshift((await propose(memory, caller, { memory_id: id })).body.id)
    await decide(memory, caller, proposed[1]!, 'reject')
    const page = async (query: string) =>
      (await call<{ items: Edit[]; next_cursor: string | null }>(memory.app, caller, 'GET', `/v1/edits?${query}`)).body
    const first = await page('limit=2')
    const second = await page(`limit=3&cursor=${first.next_cursor}`)
    expect([...first.items, ...second.items].map((edit) => edit.id)).toEqual(proposed)
    expect(second.next_cursor).toBeNull()
    expect((await page('status=rejected')).items.map((edit) => edit.id)).toEqual([proposed[1]])
    expect((await page(`memory_id=${id}&subject_id=ada`)).items).toHaveLength(5)
    expect((await page('subject_id=bob')).items).toEqual([])
  })
})

describe('who may decide', () => {
  const agent = (caller: Caller, ...more: Caller['permissions']) =>
    colleague(caller, { permissions: ['memories:read', 'memories:write', ...more] })

  test('a proposer does not approve its own edit, unless it decides about policies', async () => {
    const caller = newCaller()
    const { id } = await plant(caller)
    const proposer = agent(caller, 'memories:delete')
    const { body } = await propose(memory, proposer, { memory_id: id })
    const own = await decide(memory, proposer, body.id, 'approve')
    expect([own.status, own.body.code]).toEqual([403, 'own_edit'])
    expect((await read(caller, id)).standing).toBe('current')
    expect((await decide(memory, agent(caller), body.id, 'approve')).body.code).toBe('permission_denied')
    expect((await decide(memory, agent(caller, 'memories:delete'), body.id, 'approve')).status).toBe(200)
    const strong = agent(caller, 'memories:delete', 'policies:write')
    const { body: another } = await propose(memory, strong, { memory_id: id })
    expect((await decide(memory, strong, another.id, 'approve')).status).toBe(200)
  })

  test('who wrote a memory neither keeps it from being withheld nor brings it back', async () => {
    const caller = newCaller()
    const writer = agent(caller, 'memories:delete')
    const { body: written } = await remember(memory.app, writer, { content: FALSE, ...planted })
    const { body } = await propose(memory, caller, { memory_id: written.id })
    expect((await decide(memory, writer, body.id, 'reject')).body.code).toBe('own_edit')
    expect((await decide(memory, caller, body.id, 'approve')).status).toBe(200)
    expect((await decide(memory, writer, body.id, 'undo')).body.code).toBe('own_edit')
    expect((await read(caller, written.id)).standing).toBe('retracted')
    // What somebody else changes since is still what it wrote.
    await call(memory.app, colleague(caller), 'PATCH', `/v1/memories/${written.id}`, { tags: ['moon'] })
    expect((await decide(memory, writer, body.id, 'undo')).body.code).toBe('own_edit')
    const { body: own } = await propose(memory, writer, { memory_id: written.id })
    expect((await decide(memory, writer, own.id, 'reject')).status).toBe(200)
  })

  test('without memories:delete only proposals of one’s own are taken back', async () => {
    const caller = newCaller()
    const { id } = await plant(caller)
    const [one, other] = [agent(caller), agent(caller)]
    const { body } = await propose(memory, one, { memory_id: id })
    expect((await decide(memory, other, body.id, 'reject')).body.code).toBe('permission_denied')
    expect((await decide(memory, one, body.id, 'reject')).status).toBe(200)
    const reader = colleague(caller, { permissions: ['memories:read'] })
    expect((await propose(memory, reader, { memory_id: id })).body.code).toBe('permission_denied')
  })

  test('a user decides alone about the memories of themselves, and about nobody else’s', async () => {
    const [ada, bob] = ['01980000-0000-7000-8000-00000000000a', '01980000-0000-7000-8000-00000000000b']
    const admin = newCaller()
    const user = colleague(admin, {
      principal: { type: 'user', id: ada },
      subjects: [ada],
      permissions: ['memories:read', 'memories:write', 'memories:delete'],
    })
    const { body: own } = await remember(memory.app, admin, { content: FALSE, subject_id: ada })
    const { body: foreign } = await remember(memory.app, admin, { content: FALSE, subject_id: bob })
    await edited(memory, user, own.id)
    expect((await read(user, own.id)).standing).toBe('retracted')
    expect((await propose(memory, user, { memory_id: foreign.id })).body.code).toBe('memory_not_found')
    const { body: hidden } = await propose(memory, admin, { memory_id: foreign.id })
    for (const what of ['approve', 'reject', 'undo'] as const) {
      expect((await decide(memory, user, hidden.id, what)).body.code).toBe('edit_not_found')
    }
    const seen = await call<{ items: Edit[] }>(memory.app, user, 'GET', '/v1/edits')
    expect(seen.body.items.map(({ subject_id }) => subject_id)).toEqual([ada])
  })

  test('another tenant, or a key of another namespace, finds no edit', async () => {
    const caller = newCaller()
    const { id } = await plant(caller)
    const { body } = await propose(memory, caller, { memory_id: id })
    for (const other of [
      newCaller(),
      colleague(caller, { namespaces: ['work'] }),
      colleague(caller, { subjects: ['bob'] }),
    ]) {
      expect((await call<ProblemBody>(memory.app, other, 'GET', `/v1/edits/${body.id}`)).body.code).toBe(
        'edit_not_found',
      )
      expect((await decide(memory, other, body.id, 'approve')).body.code).toBe('edit_not_found')
      expect((await call<{ items: Edit[] }>(memory.app, other, 'GET', '/v1/edits')).body.items).toEqual([])
    }
    expect(contents(await search(memory.app, caller, { query: 'cheese', subject_id: 'ada' }))).toContain(FALSE)
  })
})
