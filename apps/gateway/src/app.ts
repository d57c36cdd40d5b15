import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import { AUDIT_KEY_PATH, RECEIPT_KEY_PATH } from '@memoric/contracts/well-known.ts'
import { ROUTES } from '@memoric/contracts/route-table.ts'
import { CONTENT_SECURITY_POLICY, createServer } from '@memoric/service/create-server.ts'
import { useHealth, type Check } from '@memoric/service/health-plugin.ts'
import { useMetrics } from '@memoric/service/metrics-plugin.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { GatewayConfig } from './config.ts'
import type { GatewayDeps } from './deps.ts'
import { useDocumentation } from './documentation/documentation.ts'
import { createEventHub } from './events/event-hub.ts'
import { useLiveEvents } from './events/live-events.ts'
import { createStreamPlaces } from './events/stream-places.ts'
import { admit, useGatewayRoutes } from './forwarding/gateway-routes.ts'
import { answerAuditKey } from './forwarding/audit-key.ts'
import { answerPublicKeys, PUBLIC_KEYS_PATH } from './forwarding/public-keys.ts'
import { answerReceiptKey } from './forwarding/receipt-key.ts'
import type { Upstream } from './forwarding/upstream.ts'
import { createRateLimits, type RateLimits } from './limits/rate-limits.ts'
import { AUTHORIZATION_SERVER_PATH, authorizationServer } from './oauth/authorization-server.ts'
import { subscribedEvent } from './telling/tell-auth.ts'
import { createTellRefusals, refusalCounter } from './refusals/tell-refusals.ts'

/** The HTTP server of the gateway: the only one that clients reach. */
export async function buildApp(config: GatewayConfig, deps: GatewayDeps): Promise<FastifyInstance> {
  const tellRefusals = createTellRefusals(deps.refusals, deps.log)
  const app = await createServer({
    log: deps.log,
    rawBodies: true,
    beforeNotFound: (request, reply) => limits.countAnonymous(request, reply),
    onProblem: (problem) => tellRefusals.problem(problem),
    ...(config.TRUSTED_PROXIES && { trustedProxies: config.TRUSTED_PROXIES }),
  })
  await useBrowserRules(app, config)
  const limits = await createRateLimits(app, config, deps.redis)
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id).header('content-security-policy', CONTENT_SECURITY_POLICY)
    done()
  })
  const { auth, memory, audit } = deps.upstreams
  useHealth(app, {
    token: config.METRICS_TOKEN,
    checks: { auth: answers(auth), memory: answers(memory) },
    lesserChecks: { audit: answers(audit), nats: () => deps.messaging.isHealthy() },
  })
  useMetrics(app, { app: 'gateway', token: config.METRICS_TOKEN, counters: refusalCounter(deps.refusals) })
  const onRequest = (request: FastifyRequest, reply: FastifyReply) => limits.countAnonymous(request, reply)
  await useDocumentation(app, onRequest)
  const metadata = JSON.stringify(authorizationServer(config.PUBLIC_URL))
  app.get(AUTHORIZATION_SERVER_PATH, { onRequest }, (_request, reply) =>
    reply.header('cache-control', 'public, max-age=300').type('application/json; charset=utf-8').send(metadata),
  )
  app.get(PUBLIC_KEYS_PATH, { onRequest }, (request, reply) => answerPublicKeys(auth, request, reply))
  app.get(RECEIPT_KEY_PATH, { onRequest }, (request, reply) => answerReceiptKey(memory, request, reply))
  app.get(AUDIT_KEY_PATH, { onRequest }, (request, reply) => answerAuditKey(audit, request, reply))
  useGatewayRoutes(app, { ...deps, limits, tellRefusals })
  serveLiveEvents(app, config, deps, limits)
  return app
}

function serveLiveEvents(app: FastifyInstance, config: GatewayConfig, deps: GatewayDeps, limits: RateLimits): void {
  const places = createStreamPlaces({
    all: config.EVENT_STREAMS_MAX,
    perTenant: config.EVENT_STREAMS_TENANT_MAX,
    perCredential: config.EVENT_STREAMS_CREDENTIAL_MAX,
  })
  useLiveEvents(app, {
    ...deps,
    limits,
    places,
    hub: createEventHub(deps.messaging, deps.eventIds),
    admit: (request, reply) => admit({ ...deps, limits }, ROUTES.subscribeEvents, request, reply),
    tellSubscribed: (...what) => deps.teller.tell(subscribedEvent(...what)),
    recheckMs: config.GRANT_CACHE_SECONDS * 1000,
    heartbeatMs: config.EVENT_STREAMS_HEARTBEAT_SECONDS * 1000,
  })
}

/** What browsers must know: no page may frame, sniff or script an answer, and only listed origins may read one. */
async function useBrowserRules(app: FastifyInstance, { CORS_ORIGINS, PUBLIC_HTTPS }: GatewayConfig): Promise<void> {
  await app.register(helmet, {
    // A constant, set below: helmet would put it together anew for each answer.
    contentSecurityPolicy: false,
    hsts: PUBLIC_HTTPS && { maxAge: 31_536_000, includeSubDomains: true },
    crossOriginResourcePolicy: { policy: 'same-origin' },
  })
  if (CORS_ORIGINS.length === 0) return
  await app.register(cors, {
    origin: CORS_ORIGINS,
    strictPreflight: false,
    methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: [
      'authorization',
      'content-type',
      'idempotency-key',
      'if-match',
      'last-event-id',
      'traceparent',
      'x-api-key',
      'x-memoric-reason',
    ],
    exposedHeaders: [
      'etag',
      'idempotent-replayed',
      'location',
      'retry-after',
      'ratelimit-limit',
      'ratelimit-remaining',
      'ratelimit-reset',
      'x-request-id',
    ],
    maxAge: 600,
  })
}

function answers(upstream: Upstream): Check {
  return async () => {
    const status = await upstream.readiness()
    if (status !== 200) throw new Error(`not ready: ${status}`)
  }
}
