import { setTimeout as sleep } from 'node:timers/promises'
import { SERVICES } from './stack-settings.ts'
import type { Stack } from './use-stack.ts'

const PATIENCE_MS = 60_000

/** Waits until every event is in the audit log and its confirmation came back: all outboxes are empty. */
export async function settled(stack: Stack): Promise<void> {
  await quiet(async () => (await outboxIds(stack)).length)
}

/**
 * Waits until every event is in the audit log. After a fault its confirmation may be lost, and the row stays in the outbox until
 * it is published once more, minutes later.
 */
export async function delivered(stack: Stack): Promise<void> {
  await quiet(async () => {
    const ids = await outboxIds(stack)
    const [row] = await stack.admin.audit<{ count: number }[]>`
      select count(*)::int as count from audit_logs where event_id = any(${ids}::uuid[])`
    return ids.length - (row?.count ?? 0)
  })
}

/** Waits until nothing is waiting, twice in a row: the events of reads are written together, 100 ms after the first. */
async function quiet(waiting: () => Promise<number>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  for (let calm = 0; calm < 2; calm = (await waiting()) === 0 ? calm + 1 : 0) {
    if (performance.now() > deadline) throw new Error(`${await waiting()} events never arrived`)
    await sleep(150)
  }
}

/** Ids of the events in the outboxes of all services. */
export async function outboxIds({ admin }: Stack): Promise<string[]> {
  const ids = await Promise.all(
    SERVICES.map(async (app) => {
      const rows = await admin[app]<{ id: string }[]>`select event_id as id from outbox`
      return rows.map(({ id }) => id)
    }),
  )
  return ids.flat()
}

/** Rows that tell nothing of what the gateway refused: that comes a moment later, and again when it is asked again. */
const UNTOUCHED: Readonly<Record<string, string>> = {
  'auth.outbox': `payload::jsonb ->> 'source' <> 'memoric/gateway'`,
  'audit.audit_logs': `source <> 'memoric/gateway' and operation <> 'alert.raised'`,
  'audit.personal_data': `event_id not in (select event_id from audit_logs where source = 'memoric/gateway')`,
}

/** Made of the lines of the log, those of refusals too. */
const OF_ANY_LINE = [
  'actor_keys',
  'tenant_logs',
  'log_tiles',
  'checkpoints',
  'audit_days',
  'audit_slots',
  'detection_states',
  'alerts',
  'outbox_counts',
  'compared_hours',
]

/** How many rows each table of each service has, by `<service>.<table>`, without what is there because of refusals. */
export async function countRows({ admin }: Stack): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const app of SERVICES) {
    const sql = admin[app]
    const tables = await sql<{ name: string }[]>`
      select relname as name from pg_class join pg_namespace on pg_namespace.oid = relnamespace
      where nspname = 'public' and relkind in ('r', 'p') and not relispartition`
    for (const { name } of tables) {
      const table = `${app}.${name}`
      if (OF_ANY_LINE.includes(name)) continue
      const [row] = await sql<{ count: number }[]>`
        select count(*)::int as count from ${sql(name)} where ${sql.unsafe(UNTOUCHED[table] ?? 'true')}`
      counts[table] = row?.count ?? 0
    }
  }
  return counts
}
