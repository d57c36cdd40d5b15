import type { Sql } from './client.ts'
import { outboxInsert, type OutboxRow } from './outbox.ts'
import { systemTransaction } from './tenant-transaction.ts'

/** How an app was started: by the name of each variable a keyed hash of its value, and what was migrated. */
export interface SystemState {
  readonly configuration: Readonly<Record<string, string>>
  readonly migrations: readonly string[]
}

/** Keeps how an app was started last, and takes the events about it. */
export interface SystemStore {
  /** Saves how the app starts now, with the events that `tell` makes of what was before (null the first time), in one transaction. */
  start(
    configuration: SystemState['configuration'],
    tell: (before: SystemState | null, now: SystemState) => OutboxRow[],
  ): Promise<void>
  tell(events: readonly OutboxRow[]): Promise<void>
}

export function createSystemStore(sql: Sql, app: string): SystemStore {
  return {
    start: (configuration, tell) =>
      systemTransaction(sql, async (tx) => {
        // Of processes that start at the same time each sees what the one before it has saved.
        await tx`select pg_advisory_xact_lock(hashtext('memoric.system_states'))`
        const [before = null] = await tx<SystemState[]>`
          select configuration, migrations from system_states where app = ${app}`
        const [row] = await tx<{ names: string[] }[]>`
          select coalesce(array_agg(name order by name), '{}') as names from memoric.migrations`
        const now = { configuration, migrations: row?.names ?? [] }
        await tx`
          insert into system_states (app, configuration, migrations, started_at)
          values (${app}, ${tx.json(configuration)}, ${now.migrations}, now())
          on conflict (app) do update set
            configuration = excluded.configuration, migrations = excluded.migrations, started_at = excluded.started_at`
        await outboxInsert(tx, tell(before, now))
      }),
    async tell(events) {
      await systemTransaction(sql, async (tx) => outboxInsert(tx, events))
    },
  }
}
