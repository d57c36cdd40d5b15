import type { ReservedSql, Sql } from 'postgres'
import { asDatabaseError, DatabaseUnavailable } from './database-error.ts'

/** One connection that carries one transaction at a time. */
export interface Lane {
  readonly handle: ReservedSql
  /** False once the connection is gone or given up: nothing may be sent on it any more. */
  alive: boolean
  /** Told when the connection is lost while a transaction is on it. */
  onLost: ((error: Error) => void) | undefined
  /** `performance.now()` when it was last taken or given back. */
  since: number
  readonly openedAt: number
  /** `performance.now()` when its cached plans were last made anew. */
  plannedAt: number
  /** Closes the connection at once; the server rolls back what is open. */
  destroy: () => void
}

export interface LanePoolOptions {
  readonly max: number
  readonly idleTimeoutMs: number
  readonly acquireTimeoutMs: number
  readonly transactionTimeoutMs: number
  /** A client of one connection; calls `onclose` when that connection closes. */
  readonly open: (onclose: () => void) => Sql
}

/**
 * The connections for transactions. Each is a postgres.js client of its own, reserved once: that costs 20 % less CPU a transaction
 * than reserving one of a pool each time, and a connection that broke is thrown away with all of its client's state.
 */
export interface LanePool {
  /** A free lane, if there is one. */
  take: () => Lane | undefined
  /** A lane, as soon as one is free or opened. Throws DatabaseUnavailable. */
  acquire: () => Promise<Lane>
  give: (lane: Lane) => void
  /** Waits until no transaction is running (at most `timeoutMs`), then closes every connection. */
  end: (timeoutMs: number) => Promise<void>
}

interface Waiter {
  resolve: (lane: Lane) => void
  reject: (error: unknown) => void
}

const LIFETIME_MS = 30 * 60_000
const SWEEP_MS = 1_000
const PLAN_AGE_MS = 2_000

export function createLanePool(options: LanePoolOptions): LanePool {
  const free: Lane[] = []
  const busy = new Set<Lane>()
  const waiters: Waiter[] = []
  let opening = 0
  let ended = false
  let drained: (() => void) | undefined
  let sweeper: NodeJS.Timeout | undefined

  function take(): Lane | undefined {
    if (ended) return undefined
    for (let lane = free.pop(); lane !== undefined; lane = free.pop()) {
      if (lane.alive) return occupy(lane)
    }
    return undefined
  }

  function occupy(lane: Lane): Lane {
    lane.since = performance.now()
    busy.add(lane)
    if (lane.since - lane.plannedAt > PLAN_AGE_MS) forgetPlans(lane)
    return lane
  }

  async function acquire(): Promise<Lane> {
    if (ended) throw new DatabaseUnavailable('the client is closed')
    const lane = take()
    if (lane !== undefined) return lane
    return new Promise((resolve, reject) => {
      const waiter = withTimeout({ resolve, reject })
      waiters.push(waiter)
      openForWaiters()
    })
  }

  function withTimeout({ resolve, reject }: Waiter): Waiter {
    const timer = setTimeout(() => {
      waiters.splice(waiters.indexOf(waiter), 1)
      reject(new DatabaseUnavailable('every connection is busy'))
    }, options.acquireTimeoutMs)
    const waiter = {
      resolve: (lane: Lane) => {
        clearTimeout(timer)
        resolve(lane)
      },
      reject: (error: unknown) => {
        clearTimeout(timer)
        reject(error)
      },
    }
    return waiter
  }

  function openForWaiters(): void {
    while (opening < waiters.length && free.length + busy.size + opening < options.max) {
      opening += 1
      void openLane(options.open, lost).then(opened, openFailed)
    }
    sweeper ??= setInterval(sweep, SWEEP_MS).unref()
  }

  function opened(lane: Lane): void {
    opening -= 1
    if (ended) lane.destroy()
    else put(lane)
  }

  function openFailed(error: unknown): void {
    opening -= 1
    waiters.shift()?.reject(asDatabaseError(error))
    openForWaiters()
  }

  function put(lane: Lane): void {
    const waiter = waiters.shift()
    lane.since = performance.now()
    if (waiter === undefined) free.push(lane)
    else waiter.resolve(occupy(lane))
  }

  function give(lane: Lane): void {
    lane.onLost = undefined
    busy.delete(lane)
    if (lane.alive && (ended || performance.now() - lane.openedAt > LIFETIME_MS)) lane.destroy()
    if (lane.alive) put(lane)
    else openForWaiters()
    if (busy.size === 0) drained?.()
  }

  /** A lane that is busy stays counted until its transaction gives it back. */
  function lost(lane: Lane): void {
    const index = free.indexOf(lane)
    if (index !== -1) free.splice(index, 1)
    lane.onLost?.(new DatabaseUnavailable('the connection was lost'))
    openForWaiters()
  }

  function sweep(): void {
    const now = performance.now()
    for (const lane of busy) if (now - lane.since > options.transactionTimeoutMs) lane.destroy()
    for (const lane of [...free]) if (now - lane.since > options.idleTimeoutMs) lane.destroy()
  }

  async function end(timeoutMs: number): Promise<void> {
    ended = true
    for (const waiter of waiters.splice(0)) waiter.reject(new DatabaseUnavailable('the client is closed'))
    if (busy.size > 0) await idleWithin(timeoutMs)
    clearInterval(sweeper)
    for (const lane of [...free, ...busy]) lane.destroy()
  }

  function idleWithin(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs)
      drained = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  return { take, acquire, give, end }
}

/**
 * Makes the server plan each statement again at its next use. A plan is cached for the life of a connection, and one that was made
 * while a table was empty takes any index for as good as another: it would read whole tenants for one row once they have grown.
 * Sent ahead of the next transaction, which does not wait for it.
 */
function forgetPlans(lane: Lane): void {
  lane.plannedAt = lane.since
  lane.handle`discard plans`.execute().catch(() => undefined)
}

async function openLane(open: LanePoolOptions['open'], lost: (lane: Lane) => void): Promise<Lane> {
  let lane: Lane | undefined
  const client = open(() => lane?.destroy())
  try {
    // postgres.js keeps a reservation that could not connect and tries again by itself, also after `end`: a query it does not.
    await client`select 1`
    const handle = await client.reserve()
    const now = performance.now()
    lane = { handle, alive: true, onLost: undefined, since: now, openedAt: now, plannedAt: now, destroy }
    return lane
  } catch (error) {
    void client.end({ timeout: 0 })
    throw error
  }

  function destroy(): void {
    if (lane?.alive !== true) return
    lane.alive = false
    void client.end({ timeout: 0 })
    lost(lane)
  }
}
