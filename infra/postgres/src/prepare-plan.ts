import { access, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { PrepareOptions } from '@memoric/postgres/prepare-database.ts'

const APPS = ['auth', 'memory', 'audit'] as const

type Environment = Readonly<Record<string, string | undefined>>

/** What to prepare, from the environment. Throws when a variable or a folder of migrations is missing. */
export async function readPlan(env: Environment): Promise<PrepareOptions> {
  const adminUrl = await readSecret(env, 'ADMIN_DATABASE_URL')
  return { adminUrl, databases: await Promise.all(APPS.map((app) => readDatabase(env, app))) }
}

async function readDatabase(env: Environment, app: string) {
  const migrationsDirectory = fileURLToPath(new URL(`../../../apps/${app}/migrations`, import.meta.url))
  await access(migrationsDirectory).catch((cause: unknown) => {
    throw new Error(`The migrations of ${app} are missing: ${migrationsDirectory}`, { cause })
  })
  const appPassword = await readSecret(env, `MEMORIC_${app.toUpperCase()}_DB_PASSWORD`)
  return { name: `memoric_${app}`, app, appPassword, migrationsDirectory }
}

/** The variable, or the content of the file that `<name>_FILE` names. */
async function readSecret(env: Environment, name: string): Promise<string> {
  const value = env[name]
  if (value !== undefined && value !== '') return value
  const path = env[`${name}_FILE`]
  if (path === undefined || path === '') throw new Error(`Set ${name}, or ${name}_FILE to a file that holds it`)
  const content = (await readFile(path, 'utf8')).trim()
  if (content === '') throw new Error(`${name}_FILE names an empty file: ${path}`)
  return content
}
