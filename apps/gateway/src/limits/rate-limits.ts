import rateLimit, { normalizeIP } from '@fastify/rate-limit'
import type { RateClass } from '@memoric/contracts/route.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Redis } from 'ioredis'
import type { GatewayConfig } from '../config.ts'

export interface RateLimits {
  /** Counts a request without a valid credential. Throws AppError `rate_limited`. */
  countAnonymous(request: FastifyRequest, reply: FastifyReply): Promise<void>
  /** Counts a request of `request.caller`. Throws AppError `rate_limited`. */
  count(rate: RateClass, request: FastifyRequest, reply: FastifyReply): Promise<void>
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
  const address = (request: FastifyRequest): string => normalizeIP(request.ip)
  const principal = ({ caller }: FastifyRequest): string => caller.principal.id

  const anonymous = limiter('anonymous', config.RATE_LIMIT_ANONYMOUS_MAX, MINUTE, address)
  const signIn = limiter('sign-in', config.RATE_LIMIT_AUTH_MAX, 15 * MINUTE, address)
  const all = limiter('all', config.RATE_LIMIT_MAX, MINUTE, principal)
  const writes = limiter('write', config.RATE_LIMIT_WRITE_MAX, MINUTE, principal)
  const isAnonymous = (request: FastifyRequest): boolean => request.caller.principal.type === 'anonymous'

  return {
    countAnonymous: (request, reply) => apply(anonymous, request, reply),
    async count(rate, request, reply) {
      await apply(isAnonymous(request) ? anonymous : all, request, reply)
      if (rate === 'sign_in') await apply(signIn, request, reply)
      if (rate === 'write' && !isAnonymous(request)) await apply(writes, request, reply)
    },
  }
}

async function apply(limiter: Limiter, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const state = await read(limiter, request)
  if (state.isAllowed) return
  reply.header('ratelimit-limit', state.max)
  reply.header('ratelimit-remaining', state.remaining)
  reply.header('ratelimit-reset', state.ttlInSeconds)
  if (state.isExceeded) throw new AppError('rate_limited', { retryAfter: Math.max(1, state.ttlInSeconds) })
}

/** When the counters cannot be reached nothing is let through. */
async function read(limiter: Limiter, request: FastifyRequest) {
  try {
    return await limiter(request)
  } catch (cause) {
    throw new AppError('service_unavailable', { cause, retryAfter: 1 })
  }
}
