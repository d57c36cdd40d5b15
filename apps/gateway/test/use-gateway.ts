import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { tenantId } from '@memoric/contracts/ids.ts'
import { GATEWAY_EVENTS_PATH } from '@memoric/contracts/gateway-events.ts'
import { type Grant, INTROSPECT_PATH, type IntrospectBody, introspectBody } from '@memoric/contracts/introspection.ts'
import { type RefusalReport, REFUSALS_PATH, refusalsBody } from '@memoric/contracts/refusals.ts'
import { PERMISSIONS } from '@memoric/contracts/permissions.ts'
import { createApiKey } from '@memoric/crypto/api-key.ts'
import { createServiceKey, type ServiceKey } from '@memoric/crypto/service-key.ts'
import { loadConfig } from '@memoric/service/config.ts'
import { createLogger } from '@memoric/service/logger.ts'
import { useNats, type TestNats } from '@memoric/testkit/use-nats.ts'
import type { FastifyInstance } from 'fastify'
import { type JWK, exportJWK } from 'jose'
import { afterAll, beforeAll } from 'vitest'
import { buildApp } from '../src/app.ts'
import { gatewayConfig } from '../src/config.ts'
import { createDeps, type GatewayDeps } from '../src/deps.ts'
import { type SeenRequest, startStubService, type StubAnswer, type StubService } from './stub-service.ts'

/** One signing key of auth. */
export interface SigningKey {
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

export interface Services {
  readonly auth: StubService
  readonly memory: StubService
  readonly audit: StubService
}

export interface RunningGateway {
  readonly app: FastifyInstance
  readonly deps: GatewayDeps
  readonly port: number
}

export interface TestGateway extends Services {
  readonly app: FastifyInstance
  readonly deps: GatewayDeps
  readonly port: number
  readonly nats: TestNats
  readonly signingKey: SigningKey
  /** The service key by which the gateway identifies itself everywhere. */
  readonly serviceKey: ServiceKey
  /** What auth says of a credential: by public id of an API key, or by session id. */
  readonly grants: Map<string, Grant>
  /** A new API key that auth knows. */
  newKey(limits?: Partial<Grant>): { text: string; grant: Grant }
  /** A new session that auth knows. */
  newSession(limits?: Partial<Grant>): Grant
  /** How often auth was asked about a credential. */
  introspections(): number
  /** What auth was told of refused requests. */
  refusals(): RefusalReport[]
  /** Another gateway before the same services; the test file closes it. */
  startAnother(overrides: Readonly<Record<string, string>>): Promise<RunningGateway>
}

export const generous = {
  RATE_LIMIT_ANONYMOUS_MAX: '100000',
  RATE_LIMIT_AUTH_MAX: '100000',
  RATE_LIMIT_MAX: '100000',
  RATE_LIMIT_WRITE_MAX: '100000',
}

/** The gateway on a real port before three stub services and a real NATS. Its members can be used from `beforeAll` on. */
export function useGateway(overrides: Readonly<Record<string, string>> = {}): TestGateway {
  const nats = useNats()
  const gateways: RunningGateway[] = []
  const grants = new Map<string, Grant>()
  const signingKey = newSigningKey('key-1')
  const serviceKey = createServiceKey('gateway')
  let services: Services | undefined
  const stubs = () => services ?? fail()
  const first = () => gateways[0] ?? fail()
  const startAnother = async (more: Readonly<Record<string, string>>) => {
    const gateway = await startGateway({ ...settings(stubs(), serviceKey, nats), ...more })
    gateways.push(gateway)
    return gateway
  }
  beforeAll(async () => {
    services = { auth: await startStubService(), memory: await startStubService(), audit: await startStubService() }
    services.auth.answer = (request) => answerAsAuth(request, grants, signingKey)
    await startAnother(overrides)
  })
  afterAll(async () => {
    for (const { app, deps } of gateways) {
      await app.close()
      await deps.closer.close()
    }
    for (const stub of Object.values(stubs()) as StubService[]) await stub.stop()
  })
  return {
    nats,
    signingKey,
    serviceKey,
    grants,
    startAnother,
    get app() {
      return first().app
    },
    get deps() {
      return first().deps
    },
    get port() {
      return first().port
    },
    get auth() {
      return stubs().auth
    },
    get memory() {
      return stubs().memory
    },
    get audit() {
      return stubs().audit
    },
    newKey(limits = {}) {
      const key = createApiKey('test')
      const grant = newGrant('api_key', limits)
      grants.set(key.keyId, grant)
      return { text: key.text, grant }
    },
    newSession(limits = {}) {
      const grant = newGrant('user', limits)
      grants.set(grant.grantId, grant)
      return grant
    },
    introspections: () => stubs().auth.seen.filter(({ url }) => url === INTROSPECT_PATH).length,
    refusals: () =>
      stubs()
        .auth.seen.filter(({ url }) => url === REFUSALS_PATH)
        .flatMap(refusalsOf),
  }
}

function fail(): never {
  throw new Error('useGateway: the gateway runs from beforeAll on')
}

export function newSigningKey(kid: string): SigningKey {
  return { kid, ...generateKeyPairSync('ed25519') }
}

export async function publicJwk({ kid, publicKey }: SigningKey): Promise<JWK> {
  return { ...(await exportJWK(publicKey)), kid, alg: 'EdDSA', use: 'sig' }
}

function newGrant(type: 'user' | 'api_key', limits: Partial<Grant>): Grant {
  return {
    grantId: randomUUID(),
    tenantId: tenantId.parse(randomUUID()),
    principal: { type, id: randomUUID() },
    networks: [],
    rateLimit: null,
    tenantRateLimit: null,
    permissions: [...PERMISSIONS],
    subjects: '*',
    namespaces: '*',
    expiresAt: Date.now() + 3_600_000,
    ...limits,
  }
}

async function answerAsAuth(
  request: SeenRequest,
  grants: ReadonlyMap<string, Grant>,
  signingKey: SigningKey,
): Promise<StubAnswer> {
  if (request.url === '/.well-known/jwks.json') return json({ keys: [await publicJwk(signingKey)] })
  if (request.url === REFUSALS_PATH || request.url === GATEWAY_EVENTS_PATH) return { status: 204 }
  if (request.url !== INTROSPECT_PATH) return json({ ok: true })
  const question = introspectBody.parse(JSON.parse(request.body.toString()))
  const grant = grants.get(idOf(question))
  const unknown = { reason: 'unknown', tenantId: null, principal: null }
  return json(grant === undefined ? { grant: null, refusal: unknown } : { grant, refusal: null })
}

function refusalsOf({ body }: SeenRequest): RefusalReport[] {
  return refusalsBody.parse(JSON.parse(body.toString())).refusals
}

function idOf(question: IntrospectBody): string {
  if (question.kind === 'api_key') return question.key_id
  return question.kind === 'session' ? question.session_id : question.api_key_id
}

export function json(value: unknown, status = 200): StubAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) }
}

function settings({ auth, memory, audit }: Services, serviceKey: ServiceKey, nats: TestNats): Record<string, string> {
  return {
    NODE_ENV: 'test',
    LOG_LEVEL: 'silent',
    PORT: '0',
    AUTH_URL: auth.url,
    MEMORY_URL: memory.url,
    AUDIT_URL: audit.url,
    AUTH_SERVICE_KEY: serviceKey.text,
    MEMORY_SERVICE_KEY: serviceKey.text,
    AUDIT_SERVICE_KEY: serviceKey.text,
    NATS_URL: nats.url,
    NATS_USER: 'gateway',
    NATS_PASSWORD: nats.password('gateway'),
    ...generous,
  }
}

async function startGateway(environment: Readonly<Record<string, string>>): Promise<RunningGateway> {
  const config = loadConfig(gatewayConfig, environment)
  const deps = await createDeps(config, createLogger({ app: 'gateway', level: config.LOG_LEVEL }))
  const app = await buildApp(config, deps)
  await app.listen({ host: '127.0.0.1', port: 0 })
  return { app, deps, port: portOf(app) }
}

export function portOf(app: FastifyInstance): number {
  // It listens to TCP.
  return (app.server.address() as AddressInfo).port
}
