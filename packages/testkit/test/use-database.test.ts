import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { cloneDatabase, dropDatabase } from '../src/clone-database.ts'
import { startOwnPostgres } from '../src/start-own-postgres.ts'
import { buildTemplate } from '../src/template-database.ts'
import { useDatabase } from '../src/use-database.ts'

let builds = 0

async function createEmpty(adminUrl: string, database: string): Promise<void> {
  const sql = postgres(adminUrl, { max: 1 })
  await sql`create database ${sql(database)}`
  await sql.end()
}

async function build(adminUrl: string, database: string): Promise<void> {
  builds += 1
  await createEmpty(adminUrl, database)
  const sql = postgres(Object.assign(new URL(adminUrl), { pathname: `/${database}` }).href, { max: 1 })
  await sql`create table thing (id int primary key)`
  await sql`insert into thing values (1)`
  await sql`revoke connect on database ${sql(database)} from public`
  await sql`alter database ${sql(database)} set statement_timeout = '7s'`
  await sql.end()
}

describe('a database of a file', () => {
  const database = useDatabase({ name: 'testkit', build })
  const other = useDatabase({ name: 'testkit', build })
  const connections: postgres.Sql[] = []
  const open = (url: string) => {
    const sql = postgres(url, { max: 1 })
    connections.push(sql)
    return sql
  }
  afterAll(() => Promise.all(connections.map((sql) => sql.end())))

  test('has what the builder made, and is its own', async () => {
    await open(database.adminUrl)`insert into thing values (2)`
    expect(await open(database.adminUrl)`select id from thing order by id`).toEqual([{ id: 1 }, { id: 2 }])
    expect(await open(other.adminUrl)`select id from thing`).toEqual([{ id: 1 }])
  })

  test('is built once for all who name the same template', () => expect(builds).toBe(1))

  test('keeps the grants and settings of the template', async () => {
    const [row] = await open(database.adminUrl)`
      select has_database_privilege('pg_monitor', current_database(), 'connect') as connect,
        current_setting('statement_timeout') as timeout`
    expect(row).toEqual({ connect: false, timeout: '7s' })
  })
})

describe('dropping a database', () => {
  let sql: postgres.Sql
  beforeAll(() => {
    sql = postgres(inject('postgresAdminUrl'), { max: 1, onnotice: () => undefined })
  })
  afterAll(() => sql.end())

  test('names the connections that were left open', async () => {
    const template = await buildTemplate(sql, inject('postgresAdminUrl'), {
      name: 'leaky',
      build: createEmpty,
    })
    await cloneDatabase(sql, template, 'leaky_clone')
    const url = Object.assign(new URL(inject('postgresAdminUrl')), { pathname: '/leaky_clone' }).href
    const leak = postgres(url, { max: 1, connection: { application_name: 'the-leak' }, onclose: () => undefined })
    await leak`select 1`
    await expect(dropDatabase(sql, 'leaky_clone')).rejects.toThrow('the-leak')
    expect(await sql`select 1 from pg_database where datname = 'leaky_clone'`).toEqual([])
    await leak.end()
  })

  test('a builder that failed is asked again', async () => {
    const failing = { name: 'failing', build: () => Promise.reject(new Error('no such luck')) }
    await expect(buildTemplate(sql, inject('postgresAdminUrl'), failing)).rejects.toThrow('no such luck')
    const working = { name: 'failing', build: createEmpty }
    expect(await buildTemplate(sql, inject('postgresAdminUrl'), working)).toBe('template_failing')
  })
})

test('what PostgreSQL committed survives the kill of the server', async () => {
  const own = await startOwnPostgres()
  const sql = postgres(own.adminUrl, { max: 1, onnotice: () => undefined })
  await sql`create table kept (id int)`
  await sql`insert into kept values (1)`
  await own.kill()
  await own.start()
  await expect.poll(() => sql`select id from kept`.catch(() => undefined)).toEqual([{ id: 1 }])
  await sql.end()
  await own.remove()
})
