import { randomUUID } from 'node:crypto'
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { prepareDatabases } from '@memoric/postgres/prepare-database.ts'
import { useDatabase } from '@memoric/testkit/use-database.ts'
import postgres, { type Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MIGRATIONS } from '../src/deps.ts'

const NEWEST_BEFORE = '0012'
const RELEASED_LATER = '0014'

/** A database as the migrations of before left it. */
const database = useDatabase({
  name: 'memory_before',
  build: (adminUrl, name) => migrateThrough(name, isBefore, adminUrl),
})
const tenant = randomUUID()
let admin: Sql

beforeAll(() => {
  admin = postgres(database.adminUrl, { max: 1, onnotice: () => undefined })
})
afterAll(() => admin.end())

function isBefore(file: string): boolean {
  return file.slice(0, 4) <= NEWEST_BEFORE || file.startsWith(RELEASED_LATER)
}

/** Applies the migrations that `picks`, as the owner does. */
async function migrateThrough(name: string, picks: (file: string) => boolean, adminUrl: string): Promise<void> {
  const migrationsDirectory = await mkdtemp(join(tmpdir(), 'memoric-before-'))
  for (const file of (await readdir(MIGRATIONS)).filter(picks)) {
    await cp(join(MIGRATIONS, file), join(migrationsDirectory, file))
  }
  await prepareDatabases({ adminUrl, databases: [{ name, app: 'memory', appPassword: 'p', migrationsDirectory }] })
  await rm(migrationsDirectory, { recursive: true })
}

async function insertMemory(subject: string): Promise<string> {
  const id = randomUUID()
  await admin`
    insert into memories (tenant_id, id, subject_id, namespace, seq, change, version, tier, importance, seen_count, occurred_at,
      created_at, updated_at, fingerprint, sealed)
    values (${tenant}, ${id}, ${subject}, 'default', 1, 1, 1, 'short_term', 0.5, 1, now(), now(), now(), '\\x00', '\\x00')`
  return id
}

async function insertKept(subject: string | null, ids: readonly string[]): Promise<Buffer> {
  const key = Buffer.from(randomUUID())
  const ones = ids.map(() => 1)
  await admin`
    insert into idempotency_keys (tenant_id, key_hash, request_hash, subject_id, resource_ids, versions, counts, made)
    values (${tenant}, ${key}, '\\x00', ${subject}, ${[...ids]}::uuid[], ${ones}::int[], ${ones}::int[], ${ones}::int[])`
  return key
}

/** How often the tables of memories were read from end to end, and in which files they are. */
async function touches() {
  await admin`select pg_stat_force_next_flush()`
  return admin`
    select relname, seq_scan, pg_relation_filenode(relid) as file from pg_stat_user_tables
    where relname in ('memories', 'memory_versions') order by relname`
}

describe('an upgrade', () => {
  test('neither reads through nor rewrites the memories that are there', async () => {
    await insertMemory('reader')
    const before = await touches()
    await migrateThrough(database.name, (file) => file < '0018', database.adminUrl)
    expect(await touches()).toEqual(before)
    await expect(admin`update memories set trust = 3`).rejects.toMatchObject({ code: '23514' })
    await expect(admin`update memories set standing = 0`).rejects.toMatchObject({ code: '23514' })
  })

  test('knows whom a kept request about several subjects was about, and forgets it where a memory of it is gone', async () => {
    const [ada, linus] = [await insertMemory('ada'), await insertMemory('linus')]
    const several = await insertKept(null, [ada, linus, ada])
    const one = await insertKept('ada', [ada])
    await insertKept(null, [ada, randomUUID()])
    await migrateThrough(database.name, () => true, database.adminUrl)
    const kept =
      await admin`select key_hash, subject_ids from idempotency_keys where tenant_id = ${tenant} order by subject_ids`
    expect(kept).toEqual([
      { key_hash: several, subject_ids: ['ada', 'linus'] },
      { key_hash: one, subject_ids: null },
    ])
  })
})
