import { type Caller, IDENTITY_HEADER, SERVICE_KEY_HEADER } from '@memoric/contracts/caller.ts'
import { PERMISSIONS } from '@memoric/contracts/permissions.ts'
import { signIdentity, type StatedRequest } from '@memoric/crypto/identity-statement.ts'
import { createServiceKey, type ServiceKey } from '@memoric/crypto/service-key.ts'
import { type Attack, attacks, type Outcome, refusedWith } from '../attack.ts'
import { type Party, type ServiceName, SERVICES, type Target } from '../target.ts'

/** What the gateway states of the victim. */
function claimsOf({ tenantId, userId }: Party): Record<string, unknown> {
  const caller: Omit<Caller, 'tenantId'> = {
    principal: { type: 'user', id: userId },
    sessionId: null,
    permissions: [...PERMISSIONS],
    subjects: '*',
    namespaces: '*',
    requestId: 'x',
    clientAddress: '127.0.0.1',
    userAgent: null,
  }
  return { tenantId, ...caller }
}

const READ = { method: 'GET', path: '/v1/memories?limit=1' }

interface Stated {
  readonly key: ServiceKey
  readonly audience: string
  readonly now: number
  readonly request: StatedRequest
  readonly claims: Record<string, unknown>
}

/** The headers of a statement about the victim for the memory service, with what is wrong with it. */
function headersOf(target: Target, changes: Partial<Stated> = {}): Record<string, string> {
  const right = { key: target.serviceKeys.memory, audience: 'memory', now: Date.now(), request: READ }
  const { key, audience, now, request, claims } = { ...right, claims: claimsOf(target.victim), ...changes }
  const statement = signIdentity(key.secret, audience, claims, { now, request })
  return { [SERVICE_KEY_HEADER]: key.text, [IDENTITY_HEADER]: statement }
}

type MakeHeaders = (target: Target) => Record<string, string>

/** What somebody sends to a service who is no gateway. */
const STRANGERS: readonly (readonly [string, MakeHeaders])[] = [
  ['nothing', () => ({})],
  ['a credential of a client', ({ attacker }) => ({ 'x-api-key': attacker.apiKey })],
  ['a token of a client', ({ attacker }) => ({ authorization: `Bearer ${attacker.accessToken}` })],
  ['headers of a tenant', ({ victim }) => ({ 'x-tenant-id': victim.tenantId, 'x-user-id': victim.userId })],
  ['the service key only', ({ serviceKeys }) => ({ [SERVICE_KEY_HEADER]: serviceKeys.memory.text })],
  ['the statement only', (target) => ({ [IDENTITY_HEADER]: headersOf(target)[IDENTITY_HEADER] ?? '' })],
  ['a service key that is made up', (target) => headersOf(target, { key: createServiceKey('gateway') })],
  ['a service key of another caller', (target) => headersOf(target, { key: createServiceKey('billing') })],
  ['the service key for another service', (target) => headersOf(target, { key: target.serviceKeys.audit })],
  [
    'a statement signed with another key',
    (target) => ({
      ...headersOf(target, { key: createServiceKey('gateway') }),
      [SERVICE_KEY_HEADER]: target.serviceKeys.memory.text,
    }),
  ],
  ['an unsigned statement', (target) => withStatement(target, (text) => text.split('.')[0] ?? '')],
  ['other claims under the same signature', (target) => withStatement(target, (text) => otherClaims(target, text))],
  ['a statement for another service', (target) => headersOf(target, { audience: 'audit' })],
  ['a statement of half a minute ago', (target) => headersOf(target, { now: Date.now() - 31_000 })],
  ['a statement of a clock that is ahead', (target) => headersOf(target, { now: Date.now() + 10_000 })],
  ['a statement that is no caller', (target) => headersOf(target, { claims: { tenantId: target.victim.tenantId } })],
  [
    'a permission that does not exist',
    (target) => headersOf(target, { claims: { ...claimsOf(target.victim), permissions: ['*'] } }),
  ],
]

function withStatement(target: Target, change: (statement: string) => string): Record<string, string> {
  const headers = headersOf(target)
  return { ...headers, [IDENTITY_HEADER]: change(headers[IDENTITY_HEADER] ?? '') }
}

function otherClaims({ attacker }: Target, statement: string): string {
  const claims = { ...claimsOf(attacker), aud: 'memory', iat: Date.now() }
  return `${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${statement.split('.')[1] ?? ''}`
}

async function approach(target: Target, headers: Record<string, string>): Promise<Outcome> {
  const answer = await target.service('memory').send({ ...READ, headers })
  return refusedWith(['invalid_service_identity'], answer)
}

/** A statement that somebody saw with one request, used for another. */
const REPLAYS: readonly (readonly [string, (target: Target) => { method: string; path: string; body?: unknown }])[] = [
  ['another query', () => ({ method: 'GET', path: '/v1/memories?limit=100' })],
  ['another path', ({ victim }) => ({ method: 'GET', path: `/v1/memories/${victim.memoryId}` })],
  ['a deletion', ({ victim }) => ({ method: 'DELETE', path: `/v1/memories/${victim.memoryId}` })],
  ['a write', () => ({ method: 'POST', path: '/v1/memories?limit=1', body: { content: 'replayed' } })],
  ['another spelling of the path', () => ({ method: 'GET', path: '/v1/memories?limit=%31' })],
]

/** Addresses that are for services only, asked with a statement about a client. */
const INSIDE: readonly (readonly [ServiceName, string, unknown])[] = [
  ['auth', '/internal/introspect', { kind: 'session', session_id: 'x', user_id: 'x' }],
  ['auth', '/internal/refusals', { refusals: [] }],
]

export const STATEMENT_ATTACKS: readonly Attack[] = [
  ...attacks('a service without the gateway', STRANGERS, (target, make) => approach(target, make(target))),
  ...attacks(
    'each service answers nobody',
    SERVICES.map((name) => [name, name] as const),
    async (target, name) => {
      const answers = ['/v1/memories', '/v1/auth/me', '/v1/audit/logs', '/nothing'].map((path) =>
        target.service(name).send({ path }),
      )
      return refusedWith(['invalid_service_identity', 'route_not_found'], ...(await Promise.all(answers)))
    },
  ),
  ...attacks('a statement used again', REPLAYS, async (target, make) => {
    const answer = await target.service('memory').send({ ...make(target), headers: headersOf(target) })
    return refusedWith(['invalid_service_identity'], answer)
  }),
  {
    kind: 'a statement used again',
    name: 'at another service',
    async run(target) {
      const request = { method: 'GET', path: '/v1/audit/logs' }
      const headers = headersOf(target, { key: target.serviceKeys.audit, request })
      return refusedWith(['invalid_service_identity'], await target.service('audit').send({ ...request, headers }))
    },
  },
  ...INSIDE.map(([service, path, body]): Attack => ({
    kind: 'addresses inside',
    name: path,
    async run(target) {
      const key = target.serviceKeys[service]
      const headers = headersOf(target, { key, audience: service, request: { method: 'POST', path } })
      const directly = await target.service(service).send({ path, headers, body })
      const byGateway = await target.gateway.send({ path, headers: { 'x-api-key': target.attacker.apiKey }, body })
      return refusedWith(['permission_denied', 'route_not_found'], directly, byGateway)
    },
  })),
]
