import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { placeOf, rememberMany, storedRows } from './stored-segments.ts'
import { madeExport } from './use-exports.ts'
import { call, newCaller, remember, search, useMemory } from './use-memory.ts'

const memory = useMemory()

/** Everything that every table holds, as the text that PostgreSQL makes of it, bytes also as the characters they are. */
async function dump(): Promise<string> {
  const tables = await memory.admin<{ name: string }[]>`
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname not in ('pg_catalog', 'information_schema')`
  const parts: string[] = []
  for (const { name } of tables) {
    const rows = await memory.admin.unsafe(`select * from ${name}`)
    for (const value of rows.flatMap((row) => Object.values(row) as unknown[])) {
      parts.push(
        Buffer.isBuffer(value) ? `${value.toString('latin1')} ${value.toString('hex')}` : JSON.stringify(value),
      )
    }
  }
  return parts.join('\n').toLowerCase()
}

test('a thief of the database reads no content, label, metadata or address', async () => {
  const caller = newCaller({ clientAddress: '203.0.113.77', userAgent: 'numbat-agent' })
  const { body } = await remember(memory.app, caller, {
    content: 'quokka',
    subject_id: 'ada',
    role: 'wombat',
    speaker: 'bilby',
    topic: 'echidna',
    category: 'platypus',
    entities: ['kookaburra'],
    tags: ['cassowary'],
    metadata: { bandicoot: 'potoroo' },
  })
  await call(memory.app, caller, 'PATCH', `/v1/memories/${body.id}`, { content: 'dugong' })
  await search(memory.app, caller, { query: 'dugong quoll', subject_id: 'ada' })
  await expect.poll(() => memory.events('memory.searched')).toHaveLength(1)
  expect((await madeExport(memory, caller)).done).toBe(1)
  const text = await dump()
  expect(text).toContain(body.id)
  const words =
    'quokka wombat bilby echidna platypus kookaburra cassowary bandicoot potoroo dugong quoll 203.0.113.77 numbat'
  for (const word of words.split(' ')) {
    expect(text).not.toContain(word)
    expect(text).not.toContain(Buffer.from(word).toString('hex'))
    expect(text).not.toContain(Buffer.from(word).toString('base64').replace(/=+$/, '').slice(0, -1).toLowerCase())
  }
})

test('a thief of the database reads nothing in the search segments', async () => {
  const caller = newCaller()
  const fields = { role: 'numbat', speaker: 'bettong', topic: 'quokka', category: 'pademelon', entities: ['dunnart'] }
  await rememberMany(memory.app, caller, 150, { ...fields, tags: ['kowari'], metadata: { mulgara: 'ningaui' } })
  await remember(memory.app, caller, { content: 'thylacine', subject_id: 'ada' })
  await memory.deps.indexes.store(placeOf(caller))
  expect(await storedRows(memory, placeOf(caller))).toHaveLength(1)
  const text = await dump()
  for (const word of 'numbat bettong quokka pademelon dunnart kowari mulgara ningaui thylacine'.split(' ')) {
    expect(text).not.toContain(word)
    expect(text).not.toContain(Buffer.from(word).toString('hex'))
  }
})

test('a box that is moved to another row, subject or version does not open, and the answer says nothing', async () => {
  const caller = newCaller()
  const { body: one } = await remember(memory.app, caller, { content: 'one' })
  const { body: two } = await remember(memory.app, caller, { content: 'two' })
  await memory.admin`update memories set sealed = (select sealed from memories where id = ${one.id}) where id = ${two.id}`
  const answer = await call<{ code: string }>(memory.app, caller, 'GET', `/v1/memories/${two.id}`)
  expect([answer.status, answer.body.code]).toEqual([500, 'internal_error'])
  expect((await call(memory.app, caller, 'GET', `/v1/memories/${one.id}`)).body.content).toBe('one')
})

test('a process with another key encryption key refuses to start', async () => {
  await remember(memory.app, newCaller(), { content: 'x' })
  const MEMORIC_ENCRYPTION_KEY = randomBytes(32).toString('base64')
  await expect(memory.startAnother({ MEMORIC_ENCRYPTION_KEY })).rejects.toThrow(/MEMORIC_ENCRYPTION_KEY/)
})
