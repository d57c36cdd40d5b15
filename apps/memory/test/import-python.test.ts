import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { useDatabase } from '@memoric/testkit/use-database.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseFernetKey } from '../src/import-python/fernet.ts'
import { runMemoryOperator } from '../src/operator/run-memory-operator.ts'
import { processSettings } from './memory-settings.ts'
import { sealFernet } from './seal-fernet.ts'
import { temporaryPath } from './temporary-path.ts'
import { exportedLines } from './use-exports.ts'
import { contents, newCaller, search, useMemory } from './use-memory.ts'

const memory = useMemory()
const python = useDatabase({ name: 'python', build: buildTables })
const keyText = randomBytes(32).toString('base64url')
const key = parseFernetKey(keyText)!
let sql: postgres.Sql

beforeAll(() => {
  sql = postgres(python.adminUrl, { max: 1 })
})
afterAll(() => sql.end())

/** The tables as SQLAlchemy makes them for the Python memoric 0.1.0. */
async function buildTables(adminUrl: string, name: string): Promise<void> {
  const server = postgres(adminUrl, { max: 1 })
  await server`create database ${server(name)}`
  await server.end()
  const admin = postgres(Object.assign(new URL(adminUrl), { pathname: name }).href, { max: 1 })
  await admin.unsafe(`
    create table memories (
      id serial primary key, user_id varchar(128) not null, namespace varchar(128), thread_id varchar(128),
      content text not null, tier varchar(64), score integer, metadata jsonb, related_threads jsonb, summarized integer,
      created_at timestamp, updated_at timestamp
    );
    create index ix_memories_user_id on memories (user_id);
    create table memory_clusters (
      cluster_id varchar(64) primary key, user_id varchar(128), topic varchar(128), category varchar(128),
      memory_ids jsonb not null, summary text, created_at timestamp, last_built_at timestamp
    );
    create table users (id serial primary key, username varchar(128) unique, email varchar(255) unique);
    create table audit_logs (id serial primary key, event_type varchar(64), "timestamp" timestamp)`)
  await admin.end()
}

async function run(tenantId: string, ...more: string[]) {
  const [out, err]: [string[], string[]] = [[], []]
  const env = { ...processSettings, ...memory.settings() }
  const args = ['import-python', '--database', python.adminUrl, '--tenant', tenantId, ...more]
  const around = { env, out: (line: string) => out.push(line), err: (line: string) => err.push(line) }
  return { code: await runMemoryOperator(args, around), out, err }
}

async function keyFile(text = keyText): Promise<string[]> {
  const path = await temporaryPath('fernet.key')
  await writeFile(path, `${text}\n`)
  return ['--fernet-key-file', path]
}

const sealed = (text: string) => Buffer.from(sealFernet(key, text)).toString('base64')

const row = (more: object = {}) => ({
  user_id: '7',
  content: sealed('a memory'),
  created_at: '2025-01-02 03:04:05.678901',
  ...more,
})

async function fill(...rows: object[]): Promise<void> {
  await sql`truncate memories restart identity`
  for (const each of rows) {
    const all: Record<string, unknown> = { ...row(), ...each }
    const json = (value: unknown) => sql.json((value ?? null) as postgres.JSONValue)
    const cells = { ...all, metadata: json(all.metadata), related_threads: json(all.related_threads) }
    await sql`insert into memories ${sql(cells)}`
  }
}

describe('a memory of the Python memoric', () => {
  test('is carried over with everything that has a place here, and what has none in its metadata', async () => {
    await fill({
      content: sealed('Ada prefers tea ☕'),
      namespace: 'work',
      thread_id: 'thread-9',
      tier: 'mid_term',
      score: 88,
      summarized: 1,
      related_threads: ['thread-8'],
      updated_at: '2025-02-03 04:05:06',
      metadata: {
        user_id: '7',
        thread_id: 'thread-9',
        session_id: 's-1',
        role: 'assistant',
        topic: 'drinks',
        category: 'taste',
        entities: ['Ada', 'tea'],
        importance: 'critical',
        seen_count: 3,
        kind: 'note',
        own: { nested: [1, null] },
      },
    })
    const to = newCaller()
    expect(await run(to.tenantId, ...(await keyFile()))).toMatchObject({
      code: 0,
      out: ['memories: 1 made, 0 there already'],
    })
    expect(await exportedLines(memory, to)).toEqual([
      {
        type: 'memory',
        id: expect.stringMatching(/^019424f8-632e-7/) as string,
        subject_id: '7',
        namespace: 'work',
        thread_id: 'thread-9',
        session_id: 's-1',
        seq: 1,
        version: 1,
        content: 'Ada prefers tea ☕',
        role: 'assistant',
        speaker: null,
        topic: 'drinks',
        category: 'taste',
        entities: ['Ada', 'tea'],
        tags: [],
        metadata: {
          kind: 'note',
          own: { nested: [1, null] },
          python: { id: 1, score: 88, summarized: true, related_threads: ['thread-8'] },
        },
        tier: 'mid_term',
        importance: 1,
        sentiment: null,
        enriched: [],
        provenance: { written_by: null, key_id: null, source: 'import' },
        trust: 'standard',
        standing: 'current',
        standing_factor: 1,
        seen_count: 3,
        occurred_at: '2025-01-02T03:04:05.678Z',
        created_at: '2025-01-02T03:04:05.678Z',
        updated_at: '2025-02-03T04:05:06.000Z',
        expires_at: null,
      },
    ])
    expect(contents(await search(memory.app, to, { query: 'tea', subject_id: '7' }))).toEqual(['Ada prefers tea ☕'])
  })

  test('has what is usual where nothing was said, and keeps what does not fit', async () => {
    await fill(
      { content: 'plain text' },
      { tier: 'archive', metadata: { topic: 'x'.repeat(200), importance: 'enormous', entities: 'Ada' } },
      { created_at: null, updated_at: null },
    )
    const to = newCaller()
    await run(to.tenantId, ...(await keyFile()))
    const [plain, odd, timeless] = await exportedLines(memory, to)
    expect(plain).toMatchObject({
      namespace: 'default',
      tier: 'short_term',
      importance: 0.5,
      seen_count: 1,
      topic: null,
    })
    expect(odd).toMatchObject({
      tier: 'long_term',
      topic: null,
      importance: 0.5,
      entities: [],
      metadata: { topic: 'x'.repeat(200), importance: 'enormous', entities: 'Ada', python: { tier: 'archive' } },
    })
    expect(timeless).toMatchObject({ created_at: '1970-01-01T00:00:00.000Z' })
    expect((await run(to.tenantId, ...(await keyFile()))).out).toEqual(['memories: 0 made, 3 there already'])
  })

  test('is never ciphertext: what does not open is left out, named and counted, and the rest is done', async () => {
    const other = parseFernetKey(randomBytes(32).toString('base64url'))!
    await fill({}, { content: sealFernet(other, 'of another key') }, { user_id: ' ' }, { content: 'x'.repeat(40_000) })
    const to = newCaller()
    const { code, out, err } = await run(to.tenantId, ...(await keyFile()))
    expect([code, out]).toEqual([1, ['memories: 1 made, 0 there already']])
    expect(err).toEqual([
      expect.stringContaining('row 3: subject_id must not be empty'),
      'row 2: content cannot be decrypted with this key',
      expect.stringContaining('row 4: content must have at most 32768 bytes'),
      '3 rows were left out.',
    ])
    expect((await run(newCaller().tenantId)).err.at(-1)).toBe('4 rows were left out.')
  })

  test('comes once, however often it is asked for, and nothing comes in a dry run', async () => {
    await fill(...Array.from({ length: 1201 }, (_, n) => ({ user_id: `u${n % 3}`, content: sealed(`memory ${n}`) })))
    const to = newCaller()
    expect((await run(to.tenantId, ...(await keyFile()), '--dry-run')).out).toEqual([
      'memories: 1201 would be made, 0 there already',
    ])
    expect(await memory.admin`select 1 from subject_keys where tenant_id = ${to.tenantId}`).toHaveLength(0)
    expect((await run(to.tenantId, ...(await keyFile()))).out).toEqual(['memories: 1201 made, 0 there already'])
    expect((await run(to.tenantId, ...(await keyFile()))).out).toEqual(['memories: 0 made, 1201 there already'])
    const lines = await exportedLines(memory, to)
    expect(new Set(lines.map(({ content }) => content)).size).toBe(1201)
    expect(lines.filter(({ subject_id }) => subject_id === 'u0').map(({ seq }) => seq)).toEqual(
      Array.from({ length: 401 }, (_, n) => n + 1),
    )
  })

  test('is found also in tables that Alembic made, where summarized is a boolean', async () => {
    await fill({ summarized: 0 }, { summarized: 1 })
    await sql`alter table memories alter column summarized type boolean using summarized = 1`
    const to = newCaller()
    expect((await run(to.tenantId, ...(await keyFile()))).code).toBe(0)
    const lines = await exportedLines(memory, to)
    expect(lines.map(({ metadata }) => metadata)).toEqual([
      { python: { id: 1 } },
      { python: { id: 2, summarized: true } },
    ])
    await sql`alter table memories alter column summarized type integer using summarized::int`
  })
})

test('says what is wrong with the database or the key', async () => {
  const { tenantId } = newCaller()
  expect((await run(tenantId, ...(await keyFile('too short')))).err[0]).toContain('no key of Fernet')
  const env = { ...processSettings, ...memory.settings() }
  const err: string[] = []
  const around = { env, out: () => undefined, err: (line: string) => void err.push(line) }
  for (const url of ['postgres://a:b@127.0.0.1:9/x', 'nonsense', memory.database.adminUrl]) {
    const args = ['import-python', '--database', url, '--tenant', tenantId]
    expect(await runMemoryOperator(args, around), url).toBe(1)
  }
  expect(err.every((line) => /^The (?:database|address)/.test(line))).toBe(true)
})
