import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'

/** Watches the work that goes on after an answer: outboxes being published and events arriving in the audit log. */
export interface BackgroundWork {
  /** PostgreSQL's processes that serve this observer alone. */
  readonly backends: ReadonlySet<number>
  /** Events in the audit log. */
  logSize: () => Promise<number>
  /** Waits until every outbox is empty and the log has `size` events; tells how many are missing after `patience` ms. */
  settle: (size: number, patience?: number) => Promise<number>
  close: () => Promise<void>
}

/** The event of a read waits in memory for 100 ms at most. */
const GATHERED_MS = 150
const POLL_MS = 30

/** `adminUrl`: of the administrator, who sees the rows of every tenant. */
export async function watchBackgroundWork(adminUrl: string): Promise<BackgroundWork> {
  const [auth, memory, audit] = ['auth', 'memory', 'audit'].map((app) => observe(adminUrl, app)) as [
    postgres.Sql,
    postgres.Sql,
    postgres.Sql,
  ]
  const all = [auth, memory, audit]
  const pids = await Promise.all(all.map((sql) => sql<{ pid: number }[]>`select pg_backend_pid() as pid`))

  const logSize = async () => {
    const [state] = await audit<{ size: string }[]>`select size from log_state`
    return Number(state?.size ?? 0)
  }
  const waiting = async () => {
    const counts = await Promise.all(all.map((sql) => sql<{ count: number }[]>`select count(*)::int from outbox`))
    return counts.flat().reduce((sum, { count }) => sum + count, 0)
  }
  return {
    backends: new Set(pids.flat().map(({ pid }) => pid)),
    logSize,
    async settle(size, patience = 60_000) {
      const deadline = performance.now() + patience
      await sleep(GATHERED_MS)
      while ((await waiting()) > 0 || (await logSize()) < size) {
        if (performance.now() > deadline) break
        await sleep(POLL_MS)
      }
      return Math.max(0, size - (await logSize()))
    },
    async close() {
      await Promise.all(all.map((sql) => sql.end({ timeout: 5 })))
    },
  }
}

function observe(adminUrl: string, app: string): postgres.Sql {
  const url = new URL(adminUrl)
  url.pathname = `/memoric_${app}`
  return postgres(url.href, { max: 1, max_lifetime: null, connection: { application_name: 'memoric-bench' } })
}
