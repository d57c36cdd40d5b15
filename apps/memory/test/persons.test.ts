import type { Caller } from '@memoric/contracts/caller.ts'
import type { Person } from '@memoric/contracts/person-contract.ts'
import { describe, expect, test } from 'vitest'
import { foldName } from '../src/persons/name-fingerprint.ts'
import { handOver, lastWith, listed } from './use-handoffs.ts'
import { call, newCaller, type ProblemBody, useMemory } from './use-memory.ts'

const memory = useMemory()

const put = (caller: Caller, body: object) =>
  call<Person & ProblemBody>(memory.app, caller, 'PUT', '/v1/persons', { subject_id: 'iris', ...body })

const persons = async (caller: Caller, query = '') =>
  (
    await call<{ items: Person[]; next_cursor: string | null }>(
      memory.app,
      caller,
      'GET',
      `/v1/persons?subject_id=iris${query}`,
    )
  ).body

const handWith = (caller: Caller, with_whom: string, session_id: string) =>
  handOver(memory.app, caller, { subject_id: 'iris', session_id, with_whom, remember: session_id })

test.each([
  ['ANA', 'ana'],
  ['Ána', 'ana'],
  ['A\u0301na', 'ana'],
  ['Ａｎａ', 'ana'],
  ['Straße', 'STRASSE'],
  ['ΟΔΥΣΣΕΎΣ', 'οδυσσευς'],
  ['  Ana   Kovač ', 'ana kovac'],
])('%s and %s are one name', (one, other) => {
  expect(foldName(one)).toBe(foldName(other))
})

test.each([
  ['Ana', 'Anna'],
  ['राम', 'रीम'],
  ['👩', '👨'],
  ['\u0301', '\u0300'],
  ['ana.k', 'anak'],
])('%s and %s are two names', (one, other) => {
  expect(foldName(one)).not.toBe(foldName(other))
})

test('handoffs are found by every name of the person, those of before too', async () => {
  const caller = newCaller()
  await handWith(caller, 'Ana', 'one')
  await handWith(caller, 'ana.k', 'two')
  await handWith(caller, 'Ben', 'three')
  expect((await lastWith(memory.app, caller, 'iris', 'ÁNA')).body.session_id).toBe('one')
  const made = await put(caller, { name: 'Ana', aliases: ['ana.k', 'Ana Kovač'] })
  expect([made.status, made.body]).toMatchObject([201, { name: 'Ana', aliases: ['ana.k', 'Ana Kovač'], version: 1 }])
  for (const name of ['Ana', 'ANA.K', 'ana kovac']) {
    expect((await lastWith(memory.app, caller, 'iris', name)).body.session_id).toBe('two')
    const found = await listed(memory.app, caller, `?subject_id=iris&with_whom=${encodeURIComponent(name)}`)
    expect(found.map(({ session_id }) => session_id)).toEqual(['two', 'one'])
  }
  expect((await lastWith(memory.app, caller, 'iris', 'Ben')).body.session_id).toBe('three')
})

test('the names of a person are replaced as a whole, and those that are left out are free again', async () => {
  const caller = newCaller()
  const { body: made } = await put(caller, { name: 'Ana', aliases: ['ana.k', 'Anita'] })
  const renamed = await put(caller, { name: 'ANITA', aliases: ['ana'] })
  expect([renamed.status, renamed.body]).toMatchObject([
    200,
    { id: made.id, name: 'ANITA', aliases: ['ana'], version: 2 },
  ])
  expect((await put(caller, { name: 'ana.k', aliases: [] })).status).toBe(201)
  expect((await persons(caller)).items.map(({ name }) => name)).toEqual(['ANITA', 'ana.k'])
})

test('the same again changes nothing and is not told', async () => {
  const caller = newCaller()
  const first = await put(caller, { name: 'Ana', aliases: ['ana.k', 'ANA', 'Ana.K'] })
  expect(first.body.aliases).toEqual(['ana.k'])
  const again = await put(caller, { name: 'Ana', aliases: ['ana.k'] })
  expect([again.status, again.body]).toEqual([200, first.body])
  const told = (await memory.events('person.updated')).filter(({ tenantid }) => tenantid === caller.tenantId)
  expect(told.map(({ data }) => [data.resource_id, data.details])).toEqual([
    [first.body.id, { subject_id: 'iris', version: 1, names: 2 }],
  ])
})

test('a name belongs to one person only, also of twenty who ask at once', async () => {
  const caller = newCaller()
  await put(caller, { name: 'Ana', aliases: ['ana.k'] })
  const refused = await put(caller, { name: 'Ben', aliases: ['Ána.K'] })
  expect([refused.status, refused.body.code]).toEqual([409, 'person_name_taken'])
  expect((await persons(caller, '&name=Ben')).items).toEqual([])
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, n) => put(caller, { name: `Person ${n}`, aliases: ['the boss'] })),
  )
  expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array<number>(19).fill(409)])
  const owner = answers.find(({ status }) => status === 201)?.body
  expect((await persons(caller, '&name=The%20Boss')).items).toEqual([owner])
})

test('twenty who say the same at once make one person', async () => {
  const caller = newCaller()
  const answers = await Promise.all(Array.from({ length: 20 }, () => put(caller, { name: 'Ana', aliases: ['a'] })))
  expect(answers.map(({ status }) => status).sort()).toEqual([...Array<number>(19).fill(200), 201])
  expect((await persons(caller)).items).toHaveLength(1)
})

test('persons are listed page by page', async () => {
  const caller = newCaller()
  for (const name of ['A', 'B', 'C']) await put(caller, { name, aliases: [] })
  const first = await persons(caller, '&limit=2')
  expect(first.items.map(({ name }) => name)).toEqual(['A', 'B'])
  const rest = await persons(caller, `&limit=2&cursor=${first.next_cursor}`)
  expect([rest.items.map(({ name }) => name), rest.next_cursor]).toEqual([['C'], null])
  expect((await call<ProblemBody>(memory.app, caller, 'GET', '/v1/persons?cursor=x')).body.code).toBe('invalid_cursor')
})

describe('names are', () => {
  test('of one subject and one tenant', async () => {
    const caller = newCaller()
    await put(caller, { name: 'Ana', aliases: ['boss'] })
    expect((await put(newCaller(), { name: 'Ben', aliases: ['boss'] })).status).toBe(201)
    expect((await put(caller, { subject_id: 'otto', name: 'Ben', aliases: ['boss'] })).status).toBe(201)
    expect((await persons(newCaller())).items).toEqual([])
    const limited = newCaller({ tenantId: caller.tenantId, subjects: ['otto'] })
    const [write, read] = [
      await put(limited, { name: 'x', aliases: [] }),
      await call<ProblemBody>(memory.app, limited, 'GET', '/v1/persons?subject_id=iris'),
    ]
    expect([write.body.code, read.body.code]).toEqual(['subject_not_allowed', 'subject_not_allowed'])
  })

  test('not for a credential of some namespaces, which is served by them still', async () => {
    const caller = newCaller()
    await put(caller, { name: 'Ana', aliases: ['boss'] })
    const limited = newCaller({ tenantId: caller.tenantId, namespaces: ['work'] })
    expect((await put(limited, { name: 'Ana', aliases: [] })).body.code).toBe('namespace_not_allowed')
    expect((await call<ProblemBody>(memory.app, limited, 'GET', '/v1/persons?subject_id=iris')).status).toBe(403)
    await handWith(limited, 'Ana', 'one')
    expect((await lastWith(memory.app, limited, 'iris', 'Boss')).body.session_id).toBe('one')
  })

  test.each([
    [{ name: '', aliases: [] }],
    [{ name: 'x'.repeat(256), aliases: [] }],
    [{ name: 'Ana' }],
    [{ name: 'Ana', aliases: Array.from({ length: 51 }, (_, n) => `a${n}`) }],
    [{ name: 'Ana', aliases: [' '] }],
    [{ name: 'Ana', aliases: [1] }],
    [{ name: 'Ana', aliases: [], email: 'ana@example.org' }],
  ])('not %j', async (body) => {
    const caller = newCaller()
    const answer = await put(caller, body)
    expect([answer.status, answer.body.code]).toEqual([400, 'validation_failed'])
    expect((await persons(caller)).items).toEqual([])
  })
})
