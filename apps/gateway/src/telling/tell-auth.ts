import { hash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Caller } from '@memoric/contracts/caller.ts'
import { GATEWAY_EVENTS_PATH, type GatewayEvent, MAX_GATEWAY_EVENTS } from '@memoric/contracts/gateway-events.ts'
import type { EventId } from '@memoric/contracts/ids.ts'
import type { Logger } from '@memoric/service/logger.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import { gatewayItself } from '../forwarding/gateway-itself.ts'
import type { Upstream } from '../forwarding/upstream.ts'

/** Tells auth what the gateway does itself, so that it gets into the audit log. */
export interface GatewayTeller {
  /** Takes note of what happened. Never throws and never waits. */
  tell(event: GatewayEvent): void
  /** Tells what is left, if auth answers soon. */
  close(): Promise<void>
}

export interface TellerOptions {
  readonly auth: Pick<Upstream, 'request'>
  readonly log: Logger
  readonly gatherMs?: number
}

/** What is kept while auth is away. */
const WAITING_MAX = 1_000
const LONGEST_PAUSE_MS = 10_000
const TIMEOUT_MS = 2_000
/** Statuses by which auth says that it will never take these very events. */
const NEVER = new Set([400, 413, 415])

export function createGatewayTeller({ auth, log, gatherMs = 200 }: TellerOptions): GatewayTeller {
  const closing = new AbortController()
  const waiting: GatewayEvent[] = []
  let running: Promise<void> | undefined

  async function run(): Promise<void> {
    for (let failures = 0; waiting.length > 0;) {
      const pause = Math.min(gatherMs * 2 ** failures, LONGEST_PAUSE_MS)
      await sleep(pause, undefined, { signal: closing.signal, ref: false }).catch(() => undefined)
      failures = (await send()) ? 0 : failures + 1
      if (failures > 0 && closing.signal.aborted) return
    }
  }

  async function send(): Promise<boolean> {
    const events = waiting.slice(0, MAX_GATEWAY_EVENTS)
    try {
      const { status } = await auth.request({
        method: 'POST',
        path: GATEWAY_EVENTS_PATH,
        caller: gatewayItself(),
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ events }),
        timeoutMs: TIMEOUT_MS,
      })
      if (status !== 204 && !NEVER.has(status)) throw new Error(`auth answered ${status}`)
      if (status !== 204)
        log.error({ status, events: events.length }, 'auth refuses what the gateway tells; it is lost')
      waiting.splice(0, events.length)
      return true
    } catch (error) {
      log.info({ err: error, waiting: waiting.length }, 'auth does not take what the gateway tells; it is told later')
      return false
    }
  }

  function start(): void {
    running ??= run().finally(() => {
      running = undefined
    })
  }

  return {
    tell(event) {
      if (waiting.length >= WAITING_MAX)
        log.error({ kind: event.kind }, 'too much waits to be told to auth; this is lost')
      else waiting.push(event)
      start()
    },
    async close() {
      closing.abort()
      await running
      if (waiting.length > 0) await send()
    },
  }
}

/** That somebody follows the events of a tenant. */
export function subscribedEvent(caller: Caller, filters: readonly string[], resumed: boolean): GatewayEvent {
  return { kind: 'subscribed', id: uuidV7() as EventId, at: Date.now(), caller, filters: [...filters], resumed }
}

/** That this process starts, with hashes of what it was configured with. */
export function startedEvent(config: object): GatewayEvent {
  const entries = Object.entries(config).filter(([, value]) => value !== undefined)
  const hashed = entries.map(([name, value]) => [name, hash('sha256', JSON.stringify(value), 'base64')])
  return { kind: 'started', configuration: Object.fromEntries(hashed) as Record<string, string> }
}
