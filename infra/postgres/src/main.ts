import { setTimeout as sleep } from 'node:timers/promises'
import { isUnavailable } from '@memoric/postgres/database-error.ts'
import { prepareDatabases, type PreparedDatabase, type PrepareOptions } from '@memoric/postgres/prepare-database.ts'
import { readPlan } from './prepare-plan.ts'

const PATIENCE_MS = 60_000
const RETRY_MS = 500

/** Prepares the databases as soon as PostgreSQL answers. */
async function prepareWhenUp(plan: PrepareOptions): Promise<PreparedDatabase[]> {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    try {
      return await prepareDatabases(plan)
    } catch (error) {
      if (!isUnavailable(error) || performance.now() > deadline) throw error
      await sleep(RETRY_MS)
    }
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message} (${describe(error.cause)})`
}

try {
  for (const { name, applied } of await prepareWhenUp(await readPlan(process.env))) {
    process.stdout.write(`${name}: ${applied.length > 0 ? `applied ${applied.join(', ')}` : 'up to date'}\n`)
  }
} catch (error) {
  process.stderr.write(`The databases could not be prepared: ${describe(error)}\n`)
  process.exitCode = 1
}
