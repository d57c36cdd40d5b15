import { createToken } from '@memoric/crypto/opaque-token.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Attack, attacks, judged, type Outcome, refused, refusedWith } from '../attack.ts'
import type { Answer } from '../http-client.ts'
import { PASSWORD, type Target } from '../target.ts'

function refresh({ gateway }: Target, refreshToken: unknown): Promise<Answer> {
  return gateway.send({ path: '/v1/auth/refresh', body: { refresh_token: refreshToken } })
}

function refreshTokenOf({ status, text }: Answer): string | null {
  return status === 200 ? (JSON.parse(text) as { refresh_token: string }).refresh_token : null
}

/** Texts in the place of a refresh token. */
const GUESSES: readonly (readonly [string, (target: Target) => unknown])[] = [
  ['an unknown token', () => createToken('mr')],
  ['a wrong checksum', ({ attacker }) => `${attacker.refreshToken.slice(0, -1)}!`],
  ['an access token', ({ attacker }) => attacker.accessToken],
  ['an API key', ({ attacker }) => attacker.apiKey],
  ['a token of another kind', () => createToken('mp')],
  ['SQL', () => "' or 1=1--"],
  ['an operator', () => ({ $ne: null })],
  ['a list', ({ attacker }) => [attacker.refreshToken]],
  ['nothing', () => ''],
  ['NUL behind it', ({ attacker }) => `${attacker.refreshToken}\0`],
]

/** Twenty at once with the same token: one successor at most, and the family goes on. */
async function race(target: Target): Promise<Outcome> {
  const { refreshToken } = await target.newParty()
  const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(target, refreshToken)))
  const successors = new Set(answers.map(refreshTokenOf).filter((token) => token !== null))
  return judged(answers, successors.size === 1)
}

/** A used token that comes back after its grace ends the session, also for the thief. */
async function replay(target: Target): Promise<Outcome> {
  const { refreshToken } = await target.newParty()
  const successor = refreshTokenOf(await refresh(target, refreshToken))
  await sleep(11_000)
  return refused(await refresh(target, refreshToken), await refresh(target, successor))
}

async function afterSigningOut(target: Target): Promise<Outcome> {
  const { refreshToken } = await target.newParty()
  await target.gateway.send({ path: '/v1/auth/logout', body: { refresh_token: refreshToken } })
  return refusedWith(['invalid_token'], await refresh(target, refreshToken))
}

function login({ gateway }: Target, body: unknown): Promise<Answer> {
  return gateway.send({ path: '/v1/auth/login', body })
}

/** Known and unknown accounts are answered alike. */
async function enumerate(target: Target): Promise<Outcome> {
  const known = await login(target, { email: target.victim.email, password: 'a wrong password of hers' })
  const unknown = await login(target, { email: 'nobody@example.org', password: 'a wrong password of hers' })
  const same = (answer: Answer) =>
    JSON.stringify([Object.keys(answer.headers).toSorted(), answer.text.replace(/"request_id":"[^"]*"/, '')])
  return judged([known, unknown], same(known) === same(unknown) && known.code === 'invalid_credentials')
}

/** Fields of a sign-in that are not what they should be. */
const ODD_LOGINS: readonly (readonly [string, (email: string) => unknown])[] = [
  ['no password', (email) => ({ email })],
  ['an empty password', (email) => ({ email, password: '' })],
  ['an operator', (email) => ({ email, password: { $ne: null } })],
  ['a list of passwords', (email) => ({ email, password: ['a', PASSWORD] })],
  ['a number', (email) => ({ email, password: 0 })],
  ['null', (email) => ({ email, password: null })],
  ['a password of 1025 letters', (email) => ({ email, password: 'x'.repeat(1025) })],
  ['a password of 1 MB', (email) => ({ email, password: 'x'.repeat(1_040_000) })],
  ['the password with a space', (email) => ({ email, password: `${PASSWORD} ` })],
  ['the password in capitals', (email) => ({ email, password: PASSWORD.toUpperCase() })],
  ['the password and NUL', (email) => ({ email, password: `${PASSWORD}\0` })],
  ['a homoglyph in the address', (email) => ({ email: email.replace('@', '\uff20'), password: PASSWORD })],
  ['a second address', (email) => ({ email: `${email},nobody@example.org`, password: PASSWORD })],
  ['a line break in the address', (email) => ({ email: `${email}\r\nBcc: x@example.org`, password: PASSWORD })],
  ['another tenant', (email) => ({ email, password: PASSWORD, tenant: '0198c0de-0000-7000-8000-000000000001' })],
]

/** Hashing passwords costs much: fifty at once must not stop anybody else. */
async function manyLogins(target: Target): Promise<Outcome> {
  const one = { email: target.victim.email, password: 'x'.repeat(1024) }
  const running = Promise.all(Array.from({ length: 50 }, () => login(target, one)))
  const health = await target.gateway.send({ path: '/health' })
  const answers = await running
  const calm = answers.every(({ status }) => [401, 429, 503].includes(status))
  return { answer: `health ${health.status} beside ${answers.length} sign-ins`, held: calm && health.status === 200 }
}

export const SESSION_ATTACKS: readonly Attack[] = [
  ...attacks('refresh token guessing', GUESSES, async (target, make) => refused(await refresh(target, make(target)))),
  { kind: 'refresh token race', name: 'twenty at once', run: race },
  { kind: 'refresh token replay', name: 'a used token after its grace', slow: true, run: replay },
  { kind: 'refresh token replay', name: 'after signing out', run: afterSigningOut },
  { kind: 'sign-in enumeration', name: 'a known and an unknown address', run: enumerate },
  ...attacks('sign-in with odd fields', ODD_LOGINS, async (target, make) =>
    refused(await login(target, make(target.victim.email))),
  ),
  { kind: 'sign-in flood', name: 'fifty long passwords at once', run: manyLogins },
]
