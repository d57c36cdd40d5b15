import { type Attack, attacks, judged, type Outcome } from '../attack.ts'
import type { Answer } from '../http-client.ts'
import type { Target } from '../target.ts'

const ORIGINS = [
  'https://evil.example',
  'null',
  'file://',
  'http://127.0.0.1:3456.evil.example',
  'https://evil.example https://good.example',
  '*',
  'https://gateway',
]

function letsIn({ headers }: Answer): boolean {
  return (
    headers['access-control-allow-origin'] !== undefined || headers['access-control-allow-credentials'] !== undefined
  )
}

/** Pages of any origin: a browser may show them nothing. */
async function crossOrigin({ gateway, attacker }: Target, origin: string): Promise<Outcome> {
  const headers = { origin, 'x-api-key': attacker.apiKey }
  const read = await gateway.send({ path: '/v1/auth/me', headers })
  const asked = {
    origin,
    'access-control-request-method': 'DELETE',
    'access-control-request-headers': 'x-api-key, x-tenant-id',
  }
  const preflight = await gateway.send({ method: 'OPTIONS', path: '/v1/memories', headers: asked })
  return judged([read, preflight], ![read, preflight].some(letsIn))
}

const PREFLIGHTS: readonly (readonly [string, Record<string, string>])[] = [
  ['no method', { origin: 'https://evil.example' }],
  ['a method that is none', { origin: 'https://evil.example', 'access-control-request-method': 'x'.repeat(1000) }],
  [
    'a thousand headers',
    { origin: 'x', 'access-control-request-method': 'GET', 'access-control-request-headers': 'a,'.repeat(1000) },
  ],
  [
    'a private network',
    {
      origin: 'https://evil.example',
      'access-control-request-method': 'GET',
      'access-control-request-private-network': 'true',
    },
  ],
]

async function preflight({ gateway }: Target, headers: Record<string, string>): Promise<Outcome> {
  const paths = ['/v1/memories', '/internal/introspect', '/metrics', '*']
  const answers = await Promise.all(
    paths.map((path) => gateway.send({ method: 'OPTIONS', path: path === '*' ? '/*' : path, headers })),
  )
  const priv = answers.some((answer) => answer.headers['access-control-allow-private-network'] !== undefined)
  return judged(answers, !priv && !answers.some(letsIn))
}

/** No answer may be framed, sniffed or kept. */
async function protections({ gateway, attacker }: Target): Promise<Outcome> {
  const headers = { 'x-api-key': attacker.apiKey, accept: 'text/html' }
  const paths = ['/v1/auth/me', '/v1/memories', '/nothing', '/v1/memories/x']
  const answers = await Promise.all(paths.map((path) => gateway.send({ path, headers })))
  const isSafe = ({ headers: got }: Answer): boolean =>
    got['x-content-type-options'] === 'nosniff' &&
    String(got['content-security-policy']).includes("frame-ancestors 'none'") &&
    !String(got['content-type']).includes('html') &&
    got['set-cookie'] === undefined
  return judged(answers, answers.every(isSafe))
}

export const BROWSER_ATTACKS: readonly Attack[] = [
  ...attacks(
    'pages of another origin',
    ORIGINS.map((origin) => [origin, origin] as const),
    crossOrigin,
  ),
  ...attacks('preflight', PREFLIGHTS, preflight),
  { kind: 'pages of another origin', name: 'an answer as a page', run: protections },
]
