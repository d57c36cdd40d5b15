import { expect, test } from 'vitest'
import { begin, comeBack, EVIL_CLIENT, goodClaims, signed, useEvilProvider } from './evil-provider.ts'
import { randomEmail, signUp } from './sign-up.ts'
import { Browser } from './sso-browser.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth({ OUTBOUND_PRIVATE_NETWORKS: 'true' })
const provider = useEvilProvider()

/** Everything that a table holds, as characters. */
async function contentsOf(table: string): Promise<string> {
  const rows = await auth.admin`select t::text as text from ${auth.admin(table)} t`
  return rows.map(({ text }) => String(text)).join('\n')
}

test('tokens of a provider are passed on to nobody and kept nowhere', async () => {
  const { caller } = await signUp(auth)
  const body = { name: 'Example', issuer: provider.issuer, ...EVIL_CLIENT }
  const { id } = (await auth.call('POST', '/v1/sso/providers', body, caller)).body
  const browser = new Browser(auth)
  const { state, nonce } = await begin(browser, id)
  const claims = goodClaims(provider, nonce, { sub: 'someone', email: randomEmail(), email_verified: true })
  const idToken = await signed(provider, claims)
  const tokens = { access_token: 'canary-access', refresh_token: 'canary-refresh', id_token: idToken }
  provider.answers['/token'] = () => ({ body: { ...tokens, token_type: 'Bearer', expires_in: 60 } })
  const answer = await comeBack(browser, id, { state, code: 'canary-code' })
  expect(answer.status).toBe(200)
  const kept = await Promise.all(['sessions', 'sso_attempts', 'sso_identities', 'users', 'outbox'].map(contentsOf))
  const said = [JSON.stringify([answer.body, answer.headers]), ...kept].join('\n')
  for (const secret of ['canary', Buffer.from('canary').toString('hex'), idToken]) expect(said).not.toContain(secret)
})
