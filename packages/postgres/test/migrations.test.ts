import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { useDatabase } from '@memoric/testkit/use-database.ts'
import postgres, { type Sql } from 'postgres'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { migrate } from '../src/migrate.ts'
import { checkMigrations, MigrationError } from '../src/migration-state.ts'

const database = useDatabase({
  name: 'migrations',
  async build(adminUrl, name) {
    const sql = postgres(adminUrl, { max: 1, onnotice: () => undefined })
    await sql`do $$ begin create role memoric_migrated; exception when duplicate_object then null; end $$`
    await sql`create database ${sql(name)}`
    await sql.end()
  },
})

const appRole = 'memoric_migrated'
let directory: string
let sql: Sql

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'memoric-migrations-'))
  sql = postgres(database.adminUrl, { max: 2, onnotice: () => undefined })
})

afterEach(async () => {
  await sql`drop schema if exists memoric cascade`
  await sql`drop table if exists outbox, one, two`
  await sql.end()
  await rm(directory, { recursive: true })
})

const put = (name: string, text: string) => writeFile(join(directory, `${name}.sql`), text)
const run = () => migrate(sql, { directory, appRole })

describe('migrations', () => {
  it('apply in order, once', async () => {
    await put('0002_two', 'alter table one add column b int;')
    await put('0001_one', 'create table one (a int); grant select on one to :app_role;')
    expect(await run()).toEqual(['0000_prelude', '0001_one', '0002_two'])
    expect(await run()).toEqual([])
    const [right] = await sql`select has_table_privilege(${appRole}, 'one', 'select') as granted`
    expect(right).toEqual({ granted: true })
    await checkMigrations(sql, { directory })
  })

  it('are applied once when two runners race', async () => {
    await put('0001_one', 'create table one (a int); select pg_sleep(0.1);')
    const second = postgres(database.adminUrl, { max: 1, onnotice: () => undefined })
    const applied = await Promise.all([run(), migrate(second, { directory, appRole })])
    await second.end()
    expect(applied.flat().sort()).toEqual(['0000_prelude', '0001_one'])
  })

  it('wait for a table that is read for long without keeping others from it', async () => {
    await put('0001_one', 'create table one (a int);')
    await run()
    await put('0002_more', 'alter table one add column b int;')
    const others = postgres(database.adminUrl, { max: 2, onnotice: () => undefined })
    const reading = await others.reserve()
    await reading`begin`
    await reading`select from one`
    const migrated = run()
    const waiting = () => others`select from pg_locks where relation = 'one'::regclass and not granted`
    await expect.poll(waiting, { timeout: 10_000 }).toHaveLength(1)
    expect(await others`select b.a from one b`).toEqual([])
    await reading`commit`
    expect(await migrated).toEqual(['0002_more'])
    reading.release()
    await others.end()
  })

  it('keep nothing of one that fails', async () => {
    await put('0001_one', 'create table one (a int); select 1 / 0;')
    await expect(run()).rejects.toMatchObject({ problem: 'failed', cause: { code: '22012' } })
    expect(await sql`select to_regclass('one') as found`).toEqual([{ found: null }])
    await put('0001_one', 'create table one (a int);')
    expect(await run()).toEqual(['0001_one'])
  })

  it('are refused when a file was changed after it was applied', async () => {
    await put('0001_one', 'create table one (a int);')
    await run()
    await put('0001_one', 'create table one (a bigint);')
    await expect(run()).rejects.toMatchObject({ problem: 'changed' })
    await expect(checkMigrations(sql, { directory })).rejects.toMatchObject({ problem: 'changed' })
  })

  it('are refused when the database is ahead', async () => {
    await put('0001_one', 'create table one (a int);')
    await put('0002_two', 'create table two (a int);')
    await run()
    await rm(join(directory, '0002_two.sql'))
    await expect(run()).rejects.toMatchObject({ problem: 'ahead' })
    await expect(checkMigrations(sql, { directory })).rejects.toThrow(/0002_two/)
  })

  it('are missed when the database is behind, or was never prepared', async () => {
    await put('0001_one', 'create table one (a int);')
    await expect(checkMigrations(sql, { directory })).rejects.toBeInstanceOf(MigrationError)
    await run()
    await put('0002_two', 'create table two (a int);')
    await expect(checkMigrations(sql, { directory })).rejects.toMatchObject({ problem: 'behind' })
  })

  it('have numbers of their own, and names', async () => {
    await put('0001_one', '')
    await put('0001_two', '')
    await expect(run()).rejects.toThrow(/number of migration 0001_two/)
    await rm(join(directory, '0001_two.sql'))
    await put('later', '')
    await expect(run()).rejects.toThrow(/NNNN_name/)
  })

  it('take no role name that would need quotes', async () => {
    await expect(migrate(sql, { directory, appRole: 'x; drop table one' })).rejects.toThrow(RangeError)
  })
})
