import { timingSafeEqual } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { AppError } from './app-error.ts'

/** A check throws or rejects when what it looks at cannot be used. */
export type Check = () => Promise<void> | void

export interface HealthOptions {
  readonly checks: Readonly<Record<string, Check>>
  /** Longest time that one check may take, ms. */
  readonly timeoutMs?: number
  /** Bearer token that opens the details. */
  readonly token?: string | undefined
}

type Results = Readonly<Record<string, 'ok' | 'failed'>>

/** How long an answer of /ready is kept, ms, so that asking often costs nothing. */
const KEPT_MS = 500

/** Serves /health (the process lives) and /ready (it can do its work: 200, else 503). */
export function useHealth(app: FastifyInstance, { checks, timeoutMs = 2000, token }: HealthOptions): void {
  let closing = false
  let latest: { at: number; results: Promise<Results> } | undefined
  app.addHook('preClose', (done) => {
    closing = true
    done()
  })
  app.get('/health', () => ({ status: 'alive' }))
  app.get('/ready', async (request, reply) => {
    const results = await current()
    const ready = !closing && !app.isUnderPressure() && Object.values(results).every((result) => result === 'ok')
    if (!ready) reply.code(503).header('retry-after', '1')
    return { status: ready ? 'ready' : 'not_ready', ...(hasToken(request, token) && { checks: results }) }
  })

  function current(): Promise<Results> {
    const now = performance.now()
    if (latest === undefined || now - latest.at > KEPT_MS) latest = { at: now, results: runAll(app, checks, timeoutMs) }
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
    await Promise.race([Promise.resolve().then(check), late])
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
