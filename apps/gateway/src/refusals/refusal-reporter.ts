import { setTimeout as sleep } from 'node:timers/promises'
import { MAX_REFUSALS, type RefusalReport, REFUSALS_PATH } from '@memoric/contracts/refusals.ts'
import type { Logger } from '@memoric/service/logger.ts'
import { gatewayItself } from '../forwarding/gateway-itself.ts'
import type { Upstream } from '../forwarding/upstream.ts'
import { createRefusalTally, type Refusal } from './refusal-tally.ts'

/** Tells auth what the gateway refused, so that it gets into the audit log. */
export interface RefusalReporter {
  /** Takes note of a refusal. Never throws and never waits. */
  tell(refusal: Refusal): void
  /** How often which refusal was noted since the start. */
  counts(): Iterable<{ readonly labels: { readonly type: string; readonly reason: string }; readonly value: number }>
  /** Tells at once what was noted until now; what auth does not take is told later. */
  flush(): Promise<void>
  /** Tells what is left, if auth answers soon. */
  close(): Promise<void>
}

export interface ReporterOptions {
  readonly auth: Pick<Upstream, 'request'>
  readonly log: Logger
  /** How long refusals are gathered before they are told, ms. */
  readonly gatherMs?: number
  readonly now?: () => number
}

const LONGEST_PAUSE_MS = 10_000
const CLOSING_MS = 3_000
const TIMEOUT_MS = 5_000

/** Statuses by which auth says that it will never take these very reports. */
const NEVER = new Set([400, 413, 415])

/**
 * Gathers refusals and tells them together. While auth is away one batch waits and what is refused meanwhile is counted in the
 * next, so that what is kept stays bounded.
 */
export function createRefusalReporter({
  auth,
  log,
  gatherMs = 1000,
  now = Date.now,
}: ReporterOptions): RefusalReporter {
  const tally = createRefusalTally({ now })
  const counted = new Map<string, { labels: { type: string; reason: string }; value: number }>()
  let batch: RefusalReport[] = []
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let failures = 0
  let closed = false

  function schedule(): void {
    if (closed || timer !== undefined || running !== undefined) return
    timer = setTimeout(run, Math.min(gatherMs * 2 ** failures, Math.max(gatherMs, LONGEST_PAUSE_MS)))
  }

  function run(): void {
    clearTimeout(timer)
    timer = undefined
    running ??= send().finally(() => {
      running = undefined
      if (batch.length > 0 || !tally.isEmpty()) schedule()
    })
  }

  /** Never rejects. */
  async function send(): Promise<void> {
    if (batch.length === 0) batch = tally.drain()
    try {
      while (batch.length > 0) await sendSome(batch.slice(0, MAX_REFUSALS))
      failures = 0
    } catch (error) {
      failures += 1
      log.warn({ err: error, waiting: batch.length, failures }, 'auth does not take what was refused; it is told later')
    }
  }

  async function sendSome(reports: readonly RefusalReport[]): Promise<void> {
    const { status } = await auth.request({
      method: 'POST',
      path: REFUSALS_PATH,
      caller: gatewayItself(),
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ refusals: reports }),
      timeoutMs: TIMEOUT_MS,
    })
    if (status !== 204 && !NEVER.has(status)) throw new Error(`auth answered ${status}`)
    batch = batch.slice(reports.length)
    if (status === 204) return
    log.error({ status, reports: reports.length }, 'auth refuses reports of what was refused; they are counted as lost')
    if (reports.some(({ type }) => type !== 'refusals.dropped')) tally.lose(reports)
  }

  function count({ type, reason }: Refusal): void {
    const name = `${type} ${reason}`
    const entry = counted.get(name) ?? { labels: { type, reason }, value: 0 }
    entry.value += 1
    counted.set(name, entry)
  }

  /** The batch that waits, then what was refused meanwhile. */
  async function flush(): Promise<void> {
    await running
    for (let turn = 0; turn < 2; turn++) {
      run()
      await running
    }
  }

  return {
    tell(refusal) {
      count(refusal)
      tally.add(refusal)
      schedule()
    },
    counts: () => counted.values(),
    flush,
    async close() {
      closed = true
      const abort = new AbortController()
      const late = sleep(CLOSING_MS, undefined, { signal: abort.signal }).catch(() => undefined)
      await Promise.race([flush(), late])
      abort.abort()
      if (batch.length > 0 || !tally.isEmpty()) log.error({ reports: batch.length }, 'refusals were never told')
    },
  }
}
