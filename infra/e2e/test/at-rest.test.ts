import { createAccount } from '@memoric/e2e/accounts.ts'
import { createWordFinder, filesBelow, type Finding, type WordFinder } from '@memoric/e2e/find-word.ts'
import { PLANTED_FIELDS, type PlantingGround, SUBJECT } from '@memoric/e2e/planted-fields.ts'
import { settled } from '@memoric/e2e/settled.ts'
import { SERVICES } from '@memoric/e2e/stack-settings.ts'
import { useStack } from '@memoric/e2e/use-stack.ts'
import type postgres from 'postgres'
import { beforeAll, describe, expect, test, vi } from 'vitest'

/** Begins every word that is planted in a private field; what follows says in which. Nothing else has these letters in a row. */
const PRIVATE = 'Qzvjxkwpy'
/** The same for what may be read, to see that it would be found. */
const READABLE = 'Wqxzkvjyf'

const stack = useStack({
  overrides: { LOG_LEVEL: 'trace' },
  // What an installation may well have.
  postgresSettings: { log_min_messages: 'info', log_statement: 'none', log_min_error_statement: 'error' },
})
let ground: PlantingGround
const answered: string[] = []

const wordOf = (name: string) => PRIVATE + name.replaceAll(/[^a-z]/gi, '').toLowerCase()

beforeAll(async () => {
  const { api } = stack
  const account = await createAccount(stack)
  const body = { content: 'to be changed', subject_id: SUBJECT, namespace: `${READABLE}namespace` }
  const made = await api.ok('createMemory', account.key, { body })
  ground = { stack, account, memoryId: made.id }
  for (const { name, plant } of PLANTED_FIELDS) {
    await plant(ground, wordOf(name))
    answered.push(name)
  }
  await api.ok('createMemory', account.key, {
    body: { content: 'soon gone', subject_id: `${READABLE}subject`, ttl_seconds: 1 },
  })
  await refusedByTheDatabase()
  await gone()
  await api.ok('startKeyRotation', account.key, { body: { subject_id: SUBJECT } })
  await emptied('key_rotations', `state = 'running'`)
  await settled(stack)
  for (const app of SERVICES) await stack.admin[app]`checkpoint`
}, 120_000)

/** Errors of the database come with what was asked for. */
async function refusedByTheDatabase(): Promise<void> {
  const admin = stack.admin.memory
  await admin`alter table memories add constraint not_now check (seq < 0) not valid`
  const body = {
    content: wordOf('refused by the database'),
    topic: wordOf('refused by the database'),
    subject_id: SUBJECT,
  }
  const { status } = await stack.api.call('createMemory', ground.account.key, { body })
  expect(status).toBe(500)
  await admin`alter table memories drop constraint not_now`
}

async function gone(): Promise<void> {
  await emptied('memories', `expires_at is not null`)
}

async function emptied(table: string, condition: string): Promise<void> {
  const left = () => stack.admin.memory.unsafe(`select 1 from ${table} where ${condition}`)
  await vi.waitFor(async () => expect(await left()).toHaveLength(0), { timeout: 30_000, interval: 200 })
}

async function inFiles(find: WordFinder, folder: string): Promise<Finding[]> {
  const found: Finding[] = []
  for await (const [path, bytes] of filesBelow(folder)) found.push(...find(path, bytes))
  return found
}

/** Everything that every table holds: the files may have it compressed. */
async function inRows(find: WordFinder, sql: postgres.Sql): Promise<Finding[]> {
  const tables = await sql<{ name: string }[]>`
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname not in ('pg_catalog', 'information_schema')`
  const found: Finding[] = []
  for (const { name } of tables) {
    const rows = await sql.unsafe(`select * from ${name}`)
    const values = rows.flatMap((row) => Object.values(row) as unknown[])
    const bytes = values.map((value) => (Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value))))
    found.push(...find(name, Buffer.concat(bytes.flatMap((each) => [each, Buffer.from('\n')]))))
  }
  return found
}

const inLines = (find: WordFinder, lines: readonly string[]) => find('log', Buffer.from(lines.join('\n')))

test.each([
  'memories',
  'memory_versions',
  'memory_deletions',
  'search_segments',
  'idempotency_keys',
  'handoffs',
  'handoff_versions',
  'notes',
  'tasks',
  'persons',
  'person_names',
  'consents',
  'policies',
  'export_chunks',
  'edges',
  'memory_edits',
  'capsules',
  'reflections',
])('something was planted that %s keeps', async (table) => {
  const rows = await stack.admin.memory`
      select 1 from ${stack.admin.memory(table)} where tenant_id = ${ground.account.tenantId}`
  expect(rows.length).toBeGreaterThan(0)
})

describe('a thief of', () => {
  const find = createWordFinder(PRIVATE)
  const control = createWordFinder(READABLE)

  test('the files of PostgreSQL reads no private word in tables, indexes and WAL', async () => {
    expect(answered).toEqual(PLANTED_FIELDS.map(({ name }) => name))
    expect(await inFiles(find, stack.postgres.dataDir)).toEqual([])
    const places = (await inFiles(control, stack.postgres.dataDir)).map(({ place }) => place)
    for (const part of [/pg_wal\//, /base\//]) expect(places.some((place) => part.test(place))).toBe(true)
  })

  test.each(SERVICES)('the rows of %s reads no private word', async (app) => {
    expect(await inRows(find, stack.admin[app])).toEqual([])
    if (app !== 'auth') expect(await inRows(control, stack.admin[app])).not.toEqual([])
  })

  test('the files of NATS reads no private word', async () => {
    await stack.nats.stop()
    expect(await inFiles(find, stack.nats.storeDir)).toEqual([])
    expect(await inFiles(control, stack.nats.storeDir)).not.toEqual([])
    await stack.nats.start()
  })

  test('all logs reads no private word', () => {
    expect(inLines(find, stack.log)).toEqual([])
    expect(inLines(control, stack.log)).not.toEqual([])
    for (const { log } of [stack.postgres, stack.nats]) expect(inLines(find, log)).toEqual([])
    expect(stack.postgres.log.some((line) => line.includes('not_now'))).toBe(true)
  })
})

describe('the search finds a word', () => {
  const bytesOf = (word: string): [string, Buffer][] => [
    ['UTF-8', Buffer.from(word)],
    ['UTF-8, upper case', Buffer.from(word.toUpperCase())],
    ['UTF-16LE', Buffer.from(word, 'utf16le')],
    ['UTF-16BE', Buffer.from(word, 'utf16le').swap16()],
    ['hex', Buffer.from(Buffer.from(word).toString('hex'))],
    ['hex of lower case, in capitals', Buffer.from(Buffer.from(word.toLowerCase()).toString('hex').toUpperCase())],
    ['escaped', Buffer.from(word.replaceAll(/./g, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`))],
    ...['', 'x', 'xy', 'xyz'].map((before): [string, Buffer] => [
      `base64 after ${before.length}`,
      Buffer.from(Buffer.from(`${before}${word} and more`).toString('base64')),
    ]),
    ['base64 of lower case', Buffer.from(Buffer.from(`x${word.toLowerCase()}`).toString('base64'))],
  ]

  test.each(bytesOf(`${PRIVATE}field`))('in %s', (_encoding, bytes) => {
    const noise = Buffer.from(Array.from({ length: 1000 }, (_, at) => (at * 7919) % 256))
    const found = createWordFinder(PRIVATE)('here', Buffer.concat([noise, bytes, noise]))
    expect(found).not.toEqual([])
    expect(createWordFinder(PRIVATE)('here', noise)).toEqual([])
  })
})
