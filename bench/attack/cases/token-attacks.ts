import { FORGED_ALGORITHMS, PUBLIC_KEY_AS_SECRET } from '@memoric/testkit/forged-tokens/forged-algorithms.ts'
import { FOREIGN_CLAIMS, FORGED_CLAIMS } from '@memoric/testkit/forged-tokens/forged-claims.ts'
import { FORGED_HEADERS, FORGED_KIDS, KEY_CARRIERS } from '@memoric/testkit/forged-tokens/forged-headers.ts'
import { ODD_TOKENS } from '@memoric/testkit/forged-tokens/odd-tokens.ts'
import type { ForgedToken } from '@memoric/testkit/forged-tokens/token-forge.ts'
import { type Attack, attacks, type Outcome, refusedWith } from '../attack.ts'
import { ok, type Target } from '../target.ts'

const TABLES: readonly (readonly [kind: string, tokens: readonly ForgedToken[]])[] = [
  ['token algorithm', FORGED_ALGORITHMS],
  ['token key confusion', PUBLIC_KEY_AS_SECRET],
  ['token kid', FORGED_KIDS],
  ['token brings a key', KEY_CARRIERS],
  ['token header', FORGED_HEADERS],
  ['token claims', FORGED_CLAIMS],
  ['token of somebody else', FOREIGN_CLAIMS],
  ['token oddities', ODD_TOKENS],
]

/** Access tokens that nobody may believe, in the place of one. */
async function present(target: Target, token: string): Promise<Outcome> {
  const headers = { authorization: `Bearer ${token}` }
  const read = await target.gateway.send({ path: '/v1/memories', headers })
  const write = await target.gateway.send({ path: '/v1/memories', headers, body: { content: 'forged' } })
  return refusedWith(['invalid_token', 'headers_too_large'], read, write)
}

const REVOCATION_MS = 3000

/** Presents a token until it is refused, or for as long as a revocation may take. */
async function presentAfter(target: Target, token: string): Promise<Outcome> {
  const deadline = performance.now() + REVOCATION_MS
  let outcome = await present(target, token)
  while (!outcome.held && performance.now() < deadline) outcome = await present(target, token)
  return outcome
}

/** Tokens that stood until somebody ended what is behind them. */
const ENDED: readonly (readonly [string, (target: Target) => Promise<string>])[] = [
  [
    'after signing out',
    async ({ gateway, newParty }) => {
      const party = await newParty()
      await gateway.send({ path: '/v1/auth/logout', body: { refresh_token: party.refreshToken } })
      return party.accessToken
    },
  ],
  [
    'after the session was revoked',
    async ({ gateway, newParty }) => {
      const party = await newParty()
      const headers = { authorization: `Bearer ${party.accessToken}` }
      await gateway.send({ method: 'DELETE', path: `/v1/auth/sessions/${party.sessionId}`, headers })
      return party.accessToken
    },
  ],
  [
    'of a member who was removed',
    async ({ gateway, newParty }) => {
      const party = await newParty()
      const headers = { authorization: `Bearer ${party.accessToken}` }
      const email = `member-${party.email}`
      const member = { email, role: 'user', password: party.password }
      const made = await ok<{ id: string }>(gateway.send({ path: '/v1/users', headers, body: member }))
      const login = { email, password: party.password }
      const session = await ok<{ access_token: string }>(gateway.send({ path: '/v1/auth/login', body: login }))
      await gateway.send({ method: 'DELETE', path: `/v1/users/${made.id}`, headers })
      return session.access_token
    },
  ],
]

/** Credentials of another kind where an access token is expected. */
const OTHER_KINDS: readonly (readonly [string, (target: Target) => string])[] = [
  ['a refresh token', ({ attacker }) => attacker.refreshToken],
  ['a service key', ({ serviceKeys }) => serviceKeys.memory.text],
  ['a session id', ({ attacker }) => attacker.sessionId],
  ['the secret of an API key', ({ attacker }) => attacker.apiKey.split('_')[3] ?? ''],
]

export const TOKEN_ATTACKS: readonly Attack[] = [
  ...TABLES.flatMap(([kind, tokens]) => attacks(kind, tokens, (target, forge) => present(target, forge(target.forge)))),
  ...attacks('token of another kind', OTHER_KINDS, (target, take) => present(target, take(target))),
  ...attacks('token that has ended', ENDED, async (target, end) => presentAfter(target, await end(target))),
]
