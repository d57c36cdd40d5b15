import { IDENTITY_HEADER, SERVICE_KEY_HEADER } from '@memoric/contracts/caller.ts'
import { signIdentity } from '@memoric/crypto/identity-statement.ts'
import { PLANTED_HEADERS } from '@memoric/testkit/hostile-requests.ts'
import { type Attack, attacks, judged, type Outcome } from '../attack.ts'
import type { Answer } from '../http-client.ts'
import type { Target } from '../target.ts'

/** Header lines by which the attacker would like to be the victim. */
const LINES: readonly (readonly [string, (target: Target) => readonly string[]])[] = [
  ...PLANTED_HEADERS.map((line) => [line, () => [line]] as const),
  ['X-Tenant-Id of the victim', ({ victim }) => [`x-tenant-id: ${victim.tenantId}`, `X_Tenant_Id: ${victim.tenantId}`]],
  ['X-User-Id of the victim', ({ victim }) => [`x-user-id: ${victim.userId}`, `x_user_id: ${victim.userId}`]],
  ['a statement that is right', (target) => statementLines(target)],
  ['a statement in capitals', (target) => statementLines(target).map((line) => line.replace(/^[^:]+/, upper))],
  ['a statement with underscores', (target) => statementLines(target).map((line) => line.replace(/^[^:]+/, folded))],
  ['a statement twice', (target) => [...statementLines(target), ...statementLines(target)]],
  ['Connection names the statement', () => [`connection: keep-alive, ${IDENTITY_HEADER}, ${SERVICE_KEY_HEADER}`]],
  ['Connection names the credential', () => ['connection: keep-alive, x-api-key, authorization']],
]

const upper = (name: string): string => name.toUpperCase()
const folded = (name: string): string => name.replaceAll('-', '_')

/** What the gateway itself would say of the victim: somebody may have seen it. */
function statementLines({ serviceKeys, victim }: Target): string[] {
  const key = serviceKeys.auth
  const claims = {
    tenantId: victim.tenantId,
    principal: { type: 'user', id: victim.userId },
    sessionId: null,
    permissions: [],
    subjects: '*',
    namespaces: '*',
    requestId: 'x',
    clientAddress: '127.0.0.1',
    userAgent: null,
  }
  const statement = signIdentity(key.secret, 'auth', claims, { now: Date.now() })
  return [`${IDENTITY_HEADER}: ${statement}`, `${SERVICE_KEY_HEADER}: ${key.text}`]
}

/** Asks who one is: it must be the attacker, or nobody. */
async function plant({ gateway, attacker, victim }: Target, lines: readonly string[]): Promise<Outcome> {
  const head = ['GET /v1/auth/me HTTP/1.1', 'host: x', `x-api-key: ${attacker.apiKey}`, ...lines]
  const answers = await gateway.raw([...head, '', ''].join('\r\n'))
  return judged(
    answers,
    answers.length === 1 && answers.every((answer) => isAttacker(answer, attacker.tenantId, victim.tenantId)),
  )
}

function isAttacker({ status, text }: Answer, own: string, other: string): boolean {
  return !text.includes(other) && (status !== 200 || text.includes(own))
}

/** Headers of the victim behind the body. */
async function trailers({ gateway, attacker, victim }: Target): Promise<Outcome> {
  const head = ['POST /v1/memories/search HTTP/1.1', 'host: x', `x-api-key: ${attacker.apiKey}`]
  const framing = ['content-type: application/json', 'transfer-encoding: chunked', 'trailer: x-api-key, x-tenant-id']
  const body = '{"query":"zanzibar"}'
  const chunks = [body.length.toString(16), body, '0', `x-api-key: ${victim.apiKey}`, `x-tenant-id: ${victim.tenantId}`]
  const answers = await gateway.raw([...head, ...framing, '', ...chunks, '', ''].join('\r\n'))
  return judged(
    answers,
    answers.every(({ text }) => !text.includes('quetzal')),
  )
}

/** Two credentials: nobody may find out which of them counts. */
const DOUBLE: readonly (readonly [string, (target: Target) => readonly string[]])[] = [
  ['two API keys', ({ attacker, victim }) => [`x-api-key: ${attacker.apiKey}`, `x-api-key: ${victim.apiKey}`]],
  [
    'two tokens',
    ({ attacker, victim }) => [
      `authorization: Bearer ${attacker.accessToken}`,
      `Authorization: Bearer ${victim.accessToken}`,
    ],
  ],
  [
    'a key and a token',
    ({ attacker, victim }) => [`x-api-key: ${attacker.apiKey}`, `authorization: Bearer ${victim.accessToken}`],
  ],
]

async function double(target: Target, lines: readonly string[]): Promise<Outcome> {
  const answers = await target.gateway.raw(['GET /v1/auth/me HTTP/1.1', 'host: x', ...lines, '', ''].join('\r\n'))
  return judged(answers, answers.length === 1 && answers.every(({ status }) => status >= 400))
}

/** Sizes and numbers of headers. */
const MANY: readonly (readonly [string, readonly string[], readonly number[]])[] = [
  ['a hundred headers', Array.from({ length: 100 }, (_, at) => `x-${at}: y`), [200]],
  ['three thousand headers', Array.from({ length: 3000 }, () => 'a:b'), [200, 400, 401, 431]],
  ['20 KB of headers', [`x: ${'x'.repeat(20_000)}`], [431]],
  ['20 KB of a header name', [`${'x'.repeat(20_000)}: x`], [431]],
]

async function many(
  { gateway, attacker }: Target,
  lines: readonly string[],
  statuses: readonly number[],
): Promise<Outcome> {
  const head = ['GET /v1/auth/me HTTP/1.1', 'host: x', `x-api-key: ${attacker.apiKey}`, ...lines]
  const answers = await gateway.raw([...head, '', ''].join('\r\n'))
  return judged(answers, answers.length === 1 && answers.every(({ status }) => statuses.includes(status)))
}

export const HEADER_ATTACKS: readonly Attack[] = [
  ...attacks('headers of somebody else', LINES, (target, make) => plant(target, make(target))),
  { kind: 'headers of somebody else', name: 'trailers', run: trailers },
  ...attacks('two credentials', DOUBLE, (target, make) => double(target, make(target))),
  ...MANY.map(([name, lines, statuses]) => ({
    kind: 'too many headers',
    name,
    run: (target: Target) => many(target, lines, statuses),
  })),
]
