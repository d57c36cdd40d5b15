import { setTimeout as sleep } from 'node:timers/promises'
import type { Sql } from 'postgres'

/** Creates a database like `template`, with what `create database` leaves behind: owner, grants and settings of the database. */
export async function cloneDatabase(sql: Sql, template: string, name: string): Promise<void> {
  const [row] = await sql<{ owner: string }[]>`
    select pg_get_userbyid(datdba) as owner from pg_database where datname = ${template}`
  if (row === undefined) throw new Error(`There is no database ${template}`)
  await sql`create database ${sql(name)} template ${sql(template)} owner ${sql(row.owner)}`
  await sql`
    update pg_database as clone set datacl = original.datacl
    from pg_database as original
    where clone.datname = ${name} and original.datname = ${template}`
  await sql`
    insert into pg_db_role_setting (setdatabase, setrole, setconfig)
    select clone.oid, setting.setrole, setting.setconfig
    from pg_db_role_setting as setting
    join pg_database as original on original.oid = setting.setdatabase and original.datname = ${template}
    join pg_database as clone on clone.datname = ${name}`
}

/** Drops a database. Throws, after dropping it, when connections to it are still open half a second later. */
export async function dropDatabase(sql: Sql, name: string): Promise<void> {
  const leaked = await openConnections(sql, name)
  await sql`drop database if exists ${sql(name)} with (force)`
  if (leaked.length > 0) throw new Error(`Connections to ${name} were left open:\n${leaked.join('\n')}`)
}

async function openConnections(sql: Sql, name: string): Promise<string[]> {
  let rows = await listConnections(sql, name)
  for (let attempt = 0; rows.length > 0 && attempt < 20; attempt += 1) {
    await sleep(25)
    rows = await listConnections(sql, name)
  }
  return rows
}

async function listConnections(sql: Sql, name: string): Promise<string[]> {
  const rows = await sql<{ connection: string }[]>`
    select concat_ws(' | ', usename, application_name, state, left(query, 200)) as connection
    from pg_stat_activity
    where datname = ${name} and backend_type = 'client backend'`
  return rows.map(({ connection }) => connection)
}
