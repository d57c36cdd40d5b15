import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { checkRoles } from '../src/check-roles.ts'
import { createClient } from '../src/client.ts'
import { checkMigrations } from '../src/migration-state.ts'
import { prepareDatabases } from '../src/prepare-database.ts'
import { roleNames } from '../src/role-names.ts'
import { notesMigrations } from './notes-database.ts'

const suffix = randomBytes(4).toString('hex')
const app = `prep_${suffix}`
const name = `prepared_${suffix}`
const clerk = `clerk_${suffix}`
const superuserUrl = inject('postgresAdminUrl')
const clerkUrl = Object.assign(new URL(superuserUrl), { username: clerk, password: 'clerk' }).href
const plan = { name, app, appPassword: "it's/%40 secret", migrationsDirectory: notesMigrations }

describe('prepareDatabases, by an administrator who is no superuser', () => {
  beforeAll(async () => {
    await asSuperuser((sql) => sql.unsafe(`create role ${clerk} login createdb createrole password 'clerk'`))
  })

  afterAll(async () => {
    const { owner, app: login } = roleNames(app)
    await asSuperuser(async (sql) => {
      await sql.unsafe(`drop database if exists ${name} with (force)`)
      await sql.unsafe(`drop role if exists ${login}; drop role if exists ${owner}; drop role ${clerk}`)
    })
  })

  it('makes roles and database, migrates them, and does nothing the second time', async () => {
    const [first] = await prepareDatabases({ adminUrl: clerkUrl, databases: [plan] })
    expect(first?.applied).toEqual(['0000_prelude', '0001_notes', '0002_outbox_counts'])
    const again = await Promise.all([1, 2].map(() => prepareDatabases({ adminUrl: clerkUrl, databases: [plan] })))
    expect(again.flat().map(({ applied, url }) => ({ applied, url }))).toEqual([
      { applied: [], url: first?.url },
      { applied: [], url: first?.url },
    ])
  })

  it('returns a URL with which an app may start', async () => {
    const [prepared] = await prepareDatabases({ adminUrl: clerkUrl, databases: [plan] })
    const sql = createClient({ url: prepared!.url })
    await checkMigrations(sql, { directory: notesMigrations })
    await checkRoles(sql, { tablesWithoutRowSecurity: [] })
    await expect(sql`create table intruder (a int)`).rejects.toMatchObject({ code: '42501' })
    await expect(sql`create temporary table intruder (a int)`).rejects.toMatchObject({ code: '42501' })
    await sql.end()
  })

  it('lets nobody else in', async () => {
    const stranger = `stranger_${suffix}`
    await asSuperuser((sql) => sql.unsafe(`create role ${stranger} login password 'x'`))
    const url = Object.assign(new URL(superuserUrl), { pathname: name, username: stranger, password: 'x' }).href
    const sql = postgres(url, { max: 1 })
    await expect(sql`select 1`).rejects.toMatchObject({ code: '42501' })
    await sql.end()
    await asSuperuser((admin) => admin.unsafe(`drop role ${stranger}`))
  })
})

async function asSuperuser(work: (sql: postgres.Sql) => Promise<unknown>): Promise<void> {
  const sql = postgres(superuserUrl, { max: 1, onnotice: () => undefined })
  await work(sql)
  await sql.end()
}
