import { timingSafeEqual } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { AppError } from './app-error.ts'

/** A check throws, rejects or gives false when what it looks at cannot be used. */
export type Check = () => unknown

export interface HealthOptions {
  /** Without these the app cannot do its work. */
  readonly checks: Readonly<Record<string, Check>>
  /** Without these it can, for a while: NATS, as events wait in the outbox. */
  readonly lesserChecks?: Readonly<Record<string, Check>>
  /** Longest time that one check may take, ms. */
  readonly timeoutMs?: number
  /** Bearer token that opens the details. */
  readonly token?: string | undefined
}

type Results = Readonly<Record<string, 'ok' | 'failed'>>

/** How long an answer of /ready is kept, ms, so that asking often costs nothing. */
const KEPT_MS = 500

/** Questions about health are answered also when the server has too much to do. */
const unhindered = { config: { pressureHandler: () => undefined } }

/** Serves /health (the process lives) and /ready (200 `ready` or `degraded`: it can do its work; else 503 `not_ready`). */
export function useHealth(app: FastifyInstance, options: HealthOptions): void {
  const { checks, lesserChecks = {}, timeoutMs = 2000, token } = options
  let closing = false
  let latest: { at: number; results: Promise<Results> } | undefined
  app.addHook('preClose', (done) => {
    closing = true
    done()
  })
  app.get('/health', unhindered, () => ({ status: 'alive' }))
  app.get('/ready', unhindered, async (request, reply) => {
    const results = await current()
    const status = statusOf(results)
    if (status === 'not_ready') reply.code(503).header('retry-after', '1')
    return { status, ...(hasToken(request, token) && { checks: results }) }
  })

  function statusOf(results: Results): 'ready' | 'degraded' | 'not_ready' {
    const failed = Object.keys(results).filter((name) => results[name] === 'failed')
    if (closing || app.isUnderPressure() || failed.some((name) => name in checks)) return 'not_ready'
    return failed.length > 0 ? 'degraded' : 'ready'
  }

  function current(): Promise<Results> {
    const now = performance.now()
    if (latest === undefined || now - latest.at > KEPT_MS)
      latest = { at: now, results: runAll(app, { ...lesserChecks, ...checks }, timeoutMs) }
    return latest.results
  }
}

async function runAll(app: FastifyInstance, checks: HealthOptions['checks'], timeoutMs: number): Promise<Results> {
  const outcomes = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      try {
        await within(timeoutMs, check)
        return [name, 'ok'] as const
      } catch (error) {
        app.log.warn({ check: name, err: error }, 'not ready')
        return [name, 'failed'] as const
      }
    }),
  )
  return Object.fromEntries(outcomes)
}

async function within(timeoutMs: number, check: Check): Promise<void> {
  const abort = new AbortController()
  const late = delay(timeoutMs, undefined, { signal: abort.signal }).then(() => {
    throw new Error(`took longer than ${timeoutMs} ms`)
  })
  try {
    const result = await Promise.race([Promise.resolve().then(check), late])
    if (result === false) throw new Error('cannot be used')
  } finally {
    abort.abort()
    late.catch(() => undefined)
  }
}

/** Whether the request carries the operator's bearer token, compared in constant time. */
export function hasToken(request: FastifyRequest, token: string | undefined): boolean {
  if (token === undefined) return false
  const presented = Buffer.from(request.headers.authorization ?? '')
  const expected = Buffer.from(`Bearer ${token}`)
  return presented.length === expected.length && timingSafeEqual(presented, expected)
}

/** Throws AppError `route_not_found`, as if there were nothing, unless the request carries the operator's token. */
export function requireToken(request: FastifyRequest, token: string | undefined): void {
  if (!hasToken(request, token)) throw new AppError('route_not_found')
}
