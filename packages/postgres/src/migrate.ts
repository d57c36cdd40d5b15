import { setTimeout as sleep } from 'node:timers/promises'
import type { ReservedSql, Sql } from 'postgres'
import { errorCode, SQLSTATE } from './database-error.ts'
import { type MigrationFile, readMigrations } from './migration-files.ts'
import { MigrationError, pendingMigrations } from './migration-state.ts'
import { assertRoleName } from './role-names.ts'

export interface MigrateOptions {
  /** Folder of NNNN_name.sql files. */
  readonly directory: string
  /** Role that takes the place of `:app_role` in the files. */
  readonly appRole: string
}

/** One lock for the migrations of a database (advisory locks belong to a database). */
const MIGRATION_LOCK = 6_365_641

/**
 * So long a migration waits for a table, while everybody else who wants it waits behind; then it lets them through. Longer than
 * deadlock_timeout (1 s), after which PostgreSQL ends a vacuum of its own that is in the way.
 */
const TABLE_WAIT = '2s'
const STEP_BACK_MS = 4_000
const TRIES = 100

/**
 * Applies the prelude and the migrations that are missing, each in a transaction, one runner at a time.
 * `ownerSql` acts as the owner of the database. Returns the names applied. Throws MigrationError.
 */
export async function migrate(ownerSql: Sql, options: MigrateOptions): Promise<string[]> {
  assertRoleName(options.appRole)
  const files = await readMigrations(options.directory)
  await ownerSql`select 1` // reserve() of a client that has not connected yet hangs without fetch_types
  const connection = await ownerSql.reserve()
  try {
    await connection`select pg_advisory_lock(${MIGRATION_LOCK})`
    const pending = await pendingMigrations(connection, files)
    for (const file of pending) await applyInTurn(connection, file, options.appRole)
    return pending.map((file) => file.name)
  } finally {
    await connection`select pg_advisory_unlock(${MIGRATION_LOCK})`.catch(() => undefined)
    connection.release()
  }
}

/** Applies a migration when its tables are free: transactions that were begun before it may be long. */
async function applyInTurn(connection: ReservedSql, file: MigrationFile, appRole: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await apply(connection, file, appRole)
      return
    } catch (error) {
      const isBusy = error instanceof MigrationError && errorCode(error.cause) === SQLSTATE.lockNotAvailable
      if (!isBusy || tries === TRIES) throw error
      await sleep(STEP_BACK_MS)
    }
  }
}

async function apply(connection: ReservedSql, file: MigrationFile, appRole: string): Promise<void> {
  await connection`begin`
  try {
    await connection`set local statement_timeout = 0`
    await connection.unsafe(`set local lock_timeout = '${TABLE_WAIT}'`)
    await connection.unsafe(file.text.replace(/(?<!:):app_role\b/g, appRole)).simple()
    await connection`insert into memoric.migrations (name, checksum) values (${file.name}, ${file.checksum})`
    await connection`commit`
  } catch (error) {
    await connection`rollback`.catch(() => undefined)
    throw new MigrationError('failed', `Migration ${file.name} failed; nothing of it was kept.`, { cause: error })
  }
}
