import type { Sql } from 'postgres'

/** One lock for all templates: builders may create the same roles, which belong to the whole server. */
const templateLock = 7_340_117

export interface TemplateOptions {
  name: string
  build(adminUrl: string, database: string): Promise<void>
}

/** Name of the template database, which is built under a lock unless this run has it already. `sql` must be one connection. */
export async function buildTemplate(sql: Sql, adminUrl: string, options: TemplateOptions): Promise<string> {
  const template = `template_${options.name}`
  await sql`select pg_advisory_lock(${templateLock})`
  try {
    if (!(await isComplete(sql, template))) await build(sql, adminUrl, template, options)
  } finally {
    await sql`select pg_advisory_unlock(${templateLock})`
  }
  return template
}

/** A template counts once it is marked as one; a failed attempt stays an ordinary database. */
async function isComplete(sql: Sql, template: string): Promise<boolean> {
  const rows = await sql`select 1 from pg_database where datname = ${template} and datistemplate`
  return rows.length > 0
}

async function build(sql: Sql, adminUrl: string, template: string, options: TemplateOptions): Promise<void> {
  await sql`drop database if exists ${sql(template)} with (force)`
  await options.build(adminUrl, template)
  const made = await sql`select 1 from pg_database where datname = ${template}`
  if (made.length === 0) throw new Error(`The builder of ${options.name} did not make the database ${template}`)
  await sql`alter database ${sql(template)} with is_template true`
}
