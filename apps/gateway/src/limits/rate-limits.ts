import rateLimit, { normalizeIP } from '@fastify/rate-limit'
import type { Grant } from '@memoric/contracts/introspection.ts'
import type { RateClass } from '@memoric/contracts/route.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { statedAddress } from '@memoric/service/client-networks.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Redis } from 'ioredis'
import type { GatewayConfig } from '../config.ts'

/** What limits a credential beside the general limits: requests a minute, where it has a limit of its own and where its tenant has. */
export type CredentialLimits = Pick<Grant, 'rateLimit' | 'tenantRateLimit'>

export interface RateLimits {
  /** Counts a request without a valid credential. Throws AppError `rate_limited`. */
  countAnonymous(request: FastifyRequest, reply: FastifyReply): Promise<void>
  /** Counts a request of `request.caller`, who has no limits of a credential when anonymous. Throws AppError `rate_limited`. */
  count(
    rate: RateClass,
    request: FastifyRequest,
    reply: FastifyReply,
    credential: CredentialLimits | null,
  ): Promise<void>
  /** Counts a credential that auth refused. */
  countRefused(request: FastifyRequest): Promise<void>
  /** Throws AppError `rate_limited` when auth refused as many credentials of this address as it may send without a valid one. */
  requireFewRefused(request: FastifyRequest): Promise<void>
}

const MINUTE = 60_000

/** Most addresses and callers that are counted at the same time in memory. */
const COUNTERS = 50_000

type Limiter = ReturnType<FastifyInstance['createRateLimit']>

/** Limits by address for those who are not known and by credential for those who are. */
export async function createRateLimits(
  app: FastifyInstance,
  config: GatewayConfig,
  redis: Redis | null,
): Promise<RateLimits> {
  await app.register(rateLimit, {
    global: false,
    cache: COUNTERS,
    ...(redis !== null && { redis, nameSpace: 'memoric-limit-' }),
  })
  const limiter = (
    name: string,
    max: number,
    timeWindow: number,
    key: (request: FastifyRequest) => string,
  ): Limiter => {
    const options = {
      max,
      timeWindow,
      cache: COUNTERS,
      keyGenerator: (request: FastifyRequest) => `${name} ${key(request)}`,
    }
    return app.createRateLimit(options)
  }
  // IPv4, also where it is mapped into IPv6, or the /64 network of IPv6: one household.
  const address = (request: FastifyRequest): string => normalizeIP(statedAddress(request.ip))
  const principal = ({ caller }: FastifyRequest): string => caller.principal.id
  const tenant = ({ caller }: FastifyRequest): string => caller.tenantId

  const anonymous = limiter('anonymous', config.RATE_LIMIT_ANONYMOUS_MAX, MINUTE, address)
  const refused = limiter('refused', config.RATE_LIMIT_ANONYMOUS_MAX, MINUTE, address)
  const signIn = limiter('sign-in', config.RATE_LIMIT_AUTH_MAX, 15 * MINUTE, address)
  const all = limiter('all', config.RATE_LIMIT_MAX, MINUTE, principal)
  const writes = limiter('write', config.RATE_LIMIT_WRITE_MAX, MINUTE, principal)
  const tenants = limiter('tenant', config.RATE_LIMIT_TENANT_MAX, MINUTE, tenant)

  return {
    async countAnonymous(request, reply) {
      apply(await read(anonymous, request), reply)
    },
    async count(rate, request, reply, credential) {
      const own = credential?.rateLimit ?? Infinity
      apply(within(await read(credential === null ? anonymous : all, request), own), reply)
      if (rate === 'sign_in') apply(await read(signIn, request), reply)
      if (credential === null) return
      // Who may send less than anyone may write cannot write too much.
      if (rate === 'write' && own > config.RATE_LIMIT_WRITE_MAX) apply(await read(writes, request), reply)
      // Last, so that a caller who is beyond the own limit takes nothing from the others.
      const together = within(await read(tenants, request), credential.tenantRateLimit ?? Infinity)
      if (together.isExceeded) apply(together, reply)
    },
    async countRefused(request) {
      await read(refused, request)
    },
    async requireFewRefused(request) {
      const { remaining, ttlInSeconds } = await read(refused, request, { increment: false })
      if (remaining === 0) throw exceeded(ttlInSeconds)
    },
  }
}

/** How often was counted, against how much is allowed. */
interface Count {
  readonly max: number
  readonly remaining: number
  readonly ttlInSeconds: number
  readonly isExceeded: boolean
}

/** The same count against `max`, where that is less. */
function within(count: Count, max: number): Count {
  if (max >= count.max) return count
  const used = count.max - count.remaining
  return { ...count, max, remaining: Math.max(0, max - used), isExceeded: count.isExceeded || used > max }
}

function apply({ max, remaining, ttlInSeconds, isExceeded }: Count, reply: FastifyReply): void {
  reply.header('ratelimit-limit', max)
  reply.header('ratelimit-remaining', remaining)
  reply.header('ratelimit-reset', ttlInSeconds)
  if (isExceeded) throw exceeded(ttlInSeconds)
}

function exceeded(ttlInSeconds: number): AppError {
  return new AppError('rate_limited', { retryAfter: Math.max(1, ttlInSeconds) })
}

/** When the counters cannot be reached nothing is let through. */
async function read(limiter: Limiter, request: FastifyRequest, options?: { increment: boolean }): Promise<Count> {
  try {
    const state = await limiter(request, options)
    if (state.isAllowed) throw new Error('a limit without a list of exceptions makes none')
    return state
  } catch (cause) {
    throw new AppError('service_unavailable', { cause, retryAfter: 1 })
  }
}
