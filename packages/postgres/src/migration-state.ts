import type { ISql } from 'postgres'
import { type MigrationFile, readMigrations } from './migration-files.ts'

/** `behind`: files to apply. `ahead`: applied migrations that the folder lacks. `changed`: a file differs from what was applied. */
export type MigrationProblem = 'behind' | 'ahead' | 'changed' | 'failed'

/** The database and the folder of migrations do not belong together. The message says how to fix it. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError'
  readonly problem: MigrationProblem

  constructor(problem: MigrationProblem, message: string, options?: ErrorOptions) {
    super(message, options)
    this.problem = problem
  }
}

interface AppliedMigration {
  name: string
  checksum: string
}

/** The migrations that have not been applied yet. Throws MigrationError `changed` or `ahead`. */
export async function pendingMigrations(sql: ISql, files: readonly MigrationFile[]): Promise<MigrationFile[]> {
  const applied = new Map((await appliedMigrations(sql)).map(({ name, checksum }) => [name, checksum]))
  for (const file of files) {
    const checksum = applied.get(file.name)
    if (checksum !== undefined && checksum !== file.checksum) throw changed(file.name)
  }
  const known = new Set(files.map((file) => file.name))
  const unknown = [...applied.keys()].filter((name) => !known.has(name))
  if (unknown.length > 0) throw ahead(unknown)
  return files.filter((file) => !applied.has(file.name))
}

/** Checks, with an app's own role, that exactly the migrations of the folder were applied. Throws MigrationError. */
export async function checkMigrations(sql: ISql, options: { readonly directory: string }): Promise<void> {
  const pending = await pendingMigrations(sql, await readMigrations(options.directory))
  if (pending.length === 0) return
  const names = pending.map((file) => file.name).join(', ')
  throw new MigrationError(
    'behind',
    `The database is behind this program: it lacks ${names}. Run the database preparation (npm start does; containers: postgres-prepare).`,
  )
}

async function appliedMigrations(sql: ISql): Promise<AppliedMigration[]> {
  const [found] = await sql<{ exists: boolean }[]>`select to_regclass('memoric.migrations') is not null as exists`
  if (found?.exists !== true) return []
  return sql<AppliedMigration[]>`select name, checksum from memoric.migrations order by name`
}

function changed(name: string): MigrationError {
  return new MigrationError(
    'changed',
    `Migration ${name} was changed after it was applied. Restore the file and put the change into a new migration.`,
  )
}

function ahead(names: readonly string[]): MigrationError {
  return new MigrationError(
    'ahead',
    `The database is ahead of this program: it has ${names.join(', ')}. Run the program version that made them, or a newer one.`,
  )
}
