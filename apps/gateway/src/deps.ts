import { REVOKED_SUBJECT } from '@memoric/contracts/subjects.ts'
import { revocation } from '@memoric/contracts/signals.ts'
import { connectMessaging, type Messaging } from '@memoric/messaging/connect.ts'
import { onSignal } from '@memoric/messaging/signals.ts'
import { createCloser, type Closer } from '@memoric/service/closer.ts'
import type { Logger } from '@memoric/service/logger.ts'
import type { Redis } from 'ioredis'
import { createAccessTokenCheck } from './authentication/access-token.ts'
import type { AuthenticationDeps } from './authentication/authenticate.ts'
import { createGrantCache, type GrantCache } from './authentication/grant-cache.ts'
import type { GatewayConfig } from './config.ts'
import type { GatewayRoutesDeps } from './forwarding/gateway-routes.ts'
import { createUpstream, type Upstream } from './forwarding/upstream.ts'

export interface GatewayDeps extends AuthenticationDeps {
  readonly upstreams: GatewayRoutesDeps['upstreams']
  readonly messaging: Messaging
  readonly redis: Redis | null
  readonly log: Logger
  readonly closer: Closer
}

/** Longest time that a revoked credential can still be believed when NATS is away, ms. */
const GRANT_TTL_MS = 30_000
const GRANTS = 20_000

/** Opens everything that the gateway needs; nothing has to answer yet. */
export async function createDeps(config: GatewayConfig, log: Logger): Promise<GatewayDeps> {
  const closer = createCloser(log)
  const upstream = (name: string, url: string, serviceKey: string): Upstream => {
    const opened = createUpstream({ name, url, serviceKey })
    closer.defer(name, () => opened.close())
    return opened
  }
  const upstreams = {
    auth: upstream('auth', config.AUTH_URL, config.AUTH_SERVICE_KEY),
    memory: upstream('memory', config.MEMORY_URL, config.MEMORY_SERVICE_KEY),
    audit: upstream('audit', config.AUDIT_URL, config.AUDIT_SERVICE_KEY),
  }
  const messaging = connectMessaging({
    servers: config.NATS_URL,
    user: config.NATS_USER,
    pass: config.NATS_PASSWORD,
    name: 'memoric-gateway',
    log,
  })
  closer.defer('nats', () => messaging.close())
  const grants = createGrantCache({ ttlMs: GRANT_TTL_MS, maxEntries: GRANTS })
  onSignal(messaging, REVOKED_SUBJECT, (signal) => grants.revoke(revocation.parse(signal).ids))
  forgetAfterOutages(messaging, grants)
  const redis = config.REDIS_URL === undefined ? null : await openRedis(config.REDIS_URL, log)
  if (redis !== null) closer.defer('redis', () => redis.disconnect())
  const checkAccessToken = createAccessTokenCheck(config.AUTH_URL)
  return { auth: upstreams.auth, upstreams, grants, checkAccessToken, messaging, redis, log, closer }
}

/** Signals may have been missed while there was no connection. */
function forgetAfterOutages(messaging: Messaging, grants: GrantCache): void {
  messaging.onConnection((connection) => {
    grants.clear()
    void (async () => {
      for await (const { type } of connection.status()) if (type === 'reconnect') grants.clear()
    })()
  })
}

/** Answers soon or fails soon: a request that cannot be counted is refused. */
async function openRedis(url: string, log: Logger): Promise<Redis> {
  const { Redis } = await import('ioredis')
  const redis = new Redis(url, { maxRetriesPerRequest: 1, connectTimeout: 2000, commandTimeout: 1000 })
  redis.on('error', (error) => log.warn({ err: error }, 'Redis cannot be used'))
  return redis
}
