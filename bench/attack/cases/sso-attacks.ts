import { randomUUID } from 'node:crypto'
import { type Attack, attacks, judged, type Outcome } from '../attack.ts'
import type { Target } from '../target.ts'

/** Ways back from an identity provider that nobody began. */
const CALLBACKS: readonly (readonly [string, string])[] = [
  ['a made-up state', 'code=x&state=x'],
  ['no state', 'code=x'],
  ['no code', 'state=x'],
  ['nothing', ''],
  ['two states', 'code=x&state=a&state=b'],
  ['an error', 'error=access_denied&state=x&error_description=%3Cscript%3E'],
  ['10 KB of state', `code=x&state=${'x'.repeat(10_000)}`],
  ['a line break', 'code=x%0d%0aset-cookie:a=b&state=x'],
  ['another issuer', 'code=x&state=x&iss=https%3A%2F%2Fevil.example'],
]

async function comeBack({ gateway }: Target, query: string): Promise<Outcome> {
  const path = `/v1/auth/oidc/${randomUUID()}/callback?${query}`
  const answers = [
    await gateway.send({ path }),
    await gateway.send({ path, headers: { cookie: 'memoric_sso=x; sso=x' } }),
  ]
  return judged(
    answers,
    answers.every(({ status, text }) => status >= 400 && !text.includes('<script>')),
  )
}

/** Providers at addresses that are not for the gateway to call. */
const ISSUERS = [
  'http://127.0.0.1:1',
  'https://127.0.0.1',
  'https://[::1]',
  'https://0.0.0.0',
  'https://169.254.169.254',
  'https://10.0.0.1',
  'https://2130706433',
  'https://0x7f.1',
  'https://localhost',
  'https://localhost.',
  'https://user:password@127.0.0.1',
  'https://[::ffff:127.0.0.1]',
  'file:///etc/passwd',
  'ftp://example.org',
]

async function addProvider({ gateway, attacker }: Target, issuer: string): Promise<Outcome> {
  const headers = { authorization: `Bearer ${attacker.accessToken}` }
  const body = { name: 'mine', issuer, client_id: 'memoric', client_secret: 'secret' }
  const answer = await gateway.send({ path: '/v1/sso/providers', headers, body })
  // 502 says that the provider gave no answer, and no more.
  const isRefused = answer.status >= 400 && (answer.status < 500 || answer.code === 'identity_provider_failed')
  return {
    answer: `${answer.status} ${answer.code ?? ''}`,
    held: isRefused && !/ECONN|refused by|127\.0\.0\.1/.test(answer.text),
  }
}

export const SSO_ATTACKS: readonly Attack[] = [
  ...attacks('single sign-on callback', CALLBACKS, comeBack),
  ...attacks(
    'single sign-on provider',
    ISSUERS.map((issuer) => [issuer, issuer] as const),
    addProvider,
  ),
]
