import { REVOKED_SUBJECT, SIGNING_KEYS_SUBJECT } from '@memoric/contracts/subjects.ts'
import { revocation, signingKeysChanged } from '@memoric/contracts/signals.ts'
import { parseServiceKey } from '@memoric/crypto/service-key.ts'
import { connectMessaging, type Messaging } from '@memoric/messaging/connect.ts'
import { onSignal, onSignalsMissed } from '@memoric/messaging/signals.ts'
import { createCloser, type Closer } from '@memoric/service/closer.ts'
import type { Logger } from '@memoric/service/logger.ts'
import type { Redis } from 'ioredis'
import { createAccessTokenCheck } from './authentication/access-token.ts'
import type { AuthenticationDeps } from './authentication/authenticate.ts'
import { createGrantCache } from './authentication/grant-cache.ts'
import { createKeySet, type KeySet } from './authentication/key-set.ts'
import type { GatewayConfig } from './config.ts'
import { createEventIds, type EventIds } from './events/event-ids.ts'
import type { GrantSignals } from './events/live-events.ts'
import type { GatewayRoutesDeps } from './forwarding/gateway-routes.ts'
import { fetchPublicKeys } from './forwarding/public-keys.ts'
import { followServiceKey } from './forwarding/follow-service-key.ts'
import { createUpstream, type Upstream } from './forwarding/upstream.ts'
import { createGatewayTeller, type GatewayTeller } from './telling/tell-auth.ts'
import { createRefusalReporter, type RefusalReporter } from './refusals/refusal-reporter.ts'

export interface GatewayDeps extends AuthenticationDeps {
  readonly upstreams: GatewayRoutesDeps['upstreams']
  readonly messaging: Messaging
  readonly redis: Redis | null
  readonly refusals: RefusalReporter
  readonly teller: GatewayTeller
  readonly grantSignals: GrantSignals
  readonly eventIds: EventIds
  readonly log: Logger
  readonly closer: Closer
}

const GRANTS = 20_000

/** Opens everything that the gateway needs; nothing has to answer yet. */
export async function createDeps(config: GatewayConfig, log: Logger): Promise<GatewayDeps> {
  const closer = createCloser(log)
  const upstreams = openUpstreams(config, log, closer)
  const refusals = createRefusalReporter({ auth: upstreams.auth, log })
  closer.defer('refusals', () => refusals.close())
  const teller = createGatewayTeller({ auth: upstreams.auth, log })
  closer.defer('what the gateway tells', () => teller.close())
  const messaging = connectMessaging({
    servers: config.NATS_URL,
    user: config.NATS_USER,
    pass: config.NATS_PASSWORD,
    name: 'memoric-gateway',
    log,
  })
  closer.defer('nats', () => messaging.close())
  const cacheMs = config.GRANT_CACHE_SECONDS * 1000
  const grants = createGrantCache({ ttlMs: cacheMs, maxEntries: GRANTS })
  const grantSignals = followRevocations(messaging, grants)
  const auth = upstreams.auth.apart()
  closer.defer('questions to auth', () => auth.close())
  const keys = openKeySet(cacheMs, { auth, grants, messaging, log, closer })
  const redis = config.REDIS_URL === undefined ? null : await openRedis(config.REDIS_URL, log)
  if (redis !== null) closer.defer('redis', () => redis.disconnect())
  const checkAccessToken = createAccessTokenCheck(keys)
  const eventIds = createEventIds(parseServiceKey(config.AUTH_SERVICE_KEY)?.secret ?? '')
  return {
    auth,
    upstreams,
    grants,
    grantSignals,
    checkAccessToken,
    messaging,
    eventIds,
    redis,
    refusals,
    teller,
    log,
    closer,
  }
}

/** Ends grants as auth tells, and passes it on to what is open. */
function followRevocations(messaging: Messaging, grants: GatewayDeps['grants']): GrantSignals {
  const listeners = new Set<(ids: readonly string[] | null) => void>()
  const tell = (ids: readonly string[] | null) => listeners.forEach((listener) => listener(ids))
  onSignal(messaging, REVOKED_SUBJECT, (signal) => {
    const { ids } = revocation.parse(signal)
    grants.revoke(ids)
    tell(ids)
  })
  onSignalsMissed(messaging, () => {
    grants.clear()
    tell(null)
  })
  return {
    onRevoked(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

type KeySetDeps = Pick<GatewayDeps, 'auth' | 'grants' | 'messaging' | 'log' | 'closer'>

/** Follows the signing keys of auth: when told that they changed, and by looking, so that a revoked one is not believed for long. */
function openKeySet(maxAgeMs: number, { auth, grants, messaging, log, closer }: KeySetDeps): KeySet {
  const keys = createKeySet({ fetchKeys: () => fetchPublicKeys(auth), maxAgeMs, onRemoved: () => grants.clear() })
  const look = () => {
    keys.reload().catch((error: unknown) => log.info({ err: error }, 'the public keys cannot be had now'))
  }
  onSignal(messaging, SIGNING_KEYS_SUBJECT, (signal) => {
    signingKeysChanged.parse(signal)
    look()
  })
  onSignalsMissed(messaging, look)
  const timer = setInterval(look, maxAgeMs / 2).unref()
  closer.defer('public keys', () => clearInterval(timer))
  return keys
}

function openUpstreams(config: GatewayConfig, log: Logger, closer: Closer): GatewayDeps['upstreams'] {
  const open = (name: string, url: string, key: string, file: string | undefined): Upstream => {
    const serviceKey = followServiceKey(name, key, file, log)
    closer.defer(`service key for ${name}`, () => serviceKey.close())
    const upstream = createUpstream({ name, url, serviceKey: () => serviceKey.current() })
    closer.defer(name, () => upstream.close())
    return upstream
  }
  return {
    auth: open('auth', config.AUTH_URL, config.AUTH_SERVICE_KEY, config.AUTH_SERVICE_KEY_FILE),
    memory: open('memory', config.MEMORY_URL, config.MEMORY_SERVICE_KEY, config.MEMORY_SERVICE_KEY_FILE),
    audit: open('audit', config.AUDIT_URL, config.AUDIT_SERVICE_KEY, config.AUDIT_SERVICE_KEY_FILE),
  }
}

/** Answers soon or fails soon: a request that cannot be counted is refused. */
async function openRedis(url: string, log: Logger): Promise<Redis> {
  const { Redis } = await import('ioredis')
  const redis = new Redis(url, { maxRetriesPerRequest: 1, connectTimeout: 2000, commandTimeout: 1000 })
  redis.on('error', (error) => log.warn({ err: error }, 'Redis cannot be used'))
  return redis
}
