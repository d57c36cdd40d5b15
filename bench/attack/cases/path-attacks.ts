import { NOWHERE } from '@memoric/testkit/hostile-requests.ts'
import { type Attack, attacks, judged, type Outcome } from '../attack.ts'
import type { Answer } from '../http-client.ts'
import { CANARY, type Target } from '../target.ts'

/** Spellings of addresses inside, and of somebody else's. */
const TARGETS: readonly (readonly [string, (target: Target) => string])[] = [
  ...NOWHERE.map((path) => [path, () => path] as const),
  ['encoded slashes', () => '/v1/memories/..%2f..%2finternal%2fintrospect'],
  ['encoded backslashes', () => '/v1/memories/..%5c..%5cinternal%5cintrospect'],
  ['encoded twice', () => '/v1/memories/..%252f..%252finternal%252fintrospect'],
  ['overlong UTF-8', () => '/v1/memories/%c0%ae%c0%ae/%c0%afinternal'],
  ['overlong slash', () => '/v1/memories/..%c0%af..%c0%afinternal%c0%afintrospect'],
  ['full-width dots', () => '/v1/memories/%ef%bc%8e%ef%bc%8e/internal'],
  ['a bad escape', () => '/v1/memories/%zz'],
  ['half an escape', () => '/v1/memories/%'],
  ['NUL', ({ victim }) => `/v1/memories/${victim.memoryId}%00`],
  ['a line break', ({ victim }) => `/v1/memories/${victim.memoryId}%0d%0ax-tenant-id:%20${victim.tenantId}`],
  ['a semicolon', ({ victim }) => `/v1/memories/${victim.memoryId};tenant=${victim.tenantId}`],
  ['another host', () => 'http://127.0.0.1:1/v1/memories'],
  ['a service behind', ({ servicePorts }) => `http://127.0.0.1:${servicePorts.memory}/v1/memories`],
  ['an authority', ({ servicePorts }) => `127.0.0.1:${servicePorts.memory}`],
  ['a star', () => '*'],
  ['a fragment', () => '/v1/memories#/internal/introspect'],
  ['a query that looks like a path', () => '/v1/memories?/../../internal/introspect'],
  ['an address of the metadata service', () => '/v1/memories?url=http://169.254.169.254/latest'],
  ['the keys inside', () => '/internal/refusals'],
  ['the metrics', () => '/metrics'],
]

/** Whatever it is, it is none of our failures and nothing of the victim's. */
async function go(target: Target, path: string): Promise<Outcome> {
  const { gateway, attacker } = target
  const lines = ['host: x', 'connection: close', `x-api-key: ${attacker.apiKey}`, '', '']
  const answers = await gateway.raw([`GET ${path} HTTP/1.1`, ...lines].join('\r\n'))
  return judged(answers, answers.length === 1 && answers.every((answer) => isHarmless(answer, target)))
}

function isHarmless({ status, text }: Answer, { victim }: Target): boolean {
  const foreign = [CANARY, victim.tenantId, victim.userId].some((secret) => text.includes(secret))
  return !foreign && [200, 400, 404].includes(status) && !text.includes('process_cpu')
}

/** Names of other hosts: nothing may be made of them. */
const HOSTS: readonly (readonly [string, readonly string[]])[] = [
  ['another host', ['host: evil.example']],
  ['a host with a port', ['host: evil.example:65536']],
  ['a host with a login', ['host: gateway@evil.example']],
  ['an address', ['host: [::1]:1']],
  ['a path in the host', ['host: x/internal']],
  ['no host', []],
  ['two hosts', ['host: x', 'host: evil.example']],
  ['an empty host', ['host:']],
  ['X-Forwarded-Host', ['host: x', 'x-forwarded-host: evil.example', 'x-host: evil.example']],
]

async function askAs({ gateway }: Target, lines: readonly string[]): Promise<Outcome> {
  const paths = ['/openapi.json', '/.well-known/jwks.json', '/v1/auth/me']
  const texts = paths.map((path) => [`GET ${path} HTTP/1.1`, 'connection: close', ...lines, '', ''].join('\r\n'))
  const answers = (await Promise.all(texts.map((text) => gateway.raw(text)))).flat()
  return judged(
    answers,
    answers.every(({ text, headers }) => !`${text}${JSON.stringify(headers)}`.includes('evil')),
  )
}

export const PATH_ATTACKS: readonly Attack[] = [
  ...attacks('paths', TARGETS, (target, make) => go(target, make(target))),
  ...attacks('Host header', HOSTS, askAs),
]
