import { createToken } from '@memoric/crypto/opaque-token.ts'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Attack, attacks, judged, type Outcome, refused } from '../attack.ts'
import type { Answer } from '../http-client.ts'
import { ok, type Party, type Target } from '../target.ts'

const NEW_PASSWORD = 'another long password of hers'

/** Where tokens from mails are taken, and what else their bodies need. */
const USES: readonly (readonly [path: string, more: Record<string, unknown>])[] = [
  ['/v1/auth/reset-password', { new_password: NEW_PASSWORD }],
  ['/v1/auth/verify-email', {}],
  ['/v1/invitations/accept', { password: NEW_PASSWORD }],
]

const GUESSES: readonly (readonly [string, (target: Target) => unknown])[] = [
  ['an unknown token', () => createToken('mp')],
  ['unknown tokens of other kinds', () => createToken('mv')],
  ['an unknown invitation', () => createToken('mi')],
  ['a refresh token', ({ victim }) => victim.refreshToken],
  ['an access token', ({ attacker }) => attacker.accessToken.slice(0, 128)],
  ['a wrong checksum', () => `${createToken('mp').slice(0, -1)}!`],
  ['SQL', () => "' or 1=1--"],
  ['an operator', () => ({ $gt: '' })],
  ['a list', () => [createToken('mp')]],
  ['nothing', () => ''],
  ['10 KB', () => 'x'.repeat(10_240)],
]

async function guess(target: Target, token: unknown): Promise<Outcome> {
  const { gateway } = target
  const answers = await Promise.all(USES.map(([path, more]) => gateway.send({ path, body: { token, ...more } })))
  return refused(...answers)
}

const MAIL_PATIENCE_MS = 10_000

/** The token in the last mail to an address whose subject fits. Throws when none comes. */
async function mailedToken({ mailsTo }: Target, address: string, subject: RegExp): Promise<string> {
  const deadline = performance.now() + MAIL_PATIENCE_MS
  for (;;) {
    const mail = (await mailsTo(address)).findLast((text) => subject.test(/^Subject: (.*)$/m.exec(text)?.[1] ?? ''))
    const token = /^Token: (\S+)$/m.exec(mail ?? '')?.[1]
    if (token !== undefined) return token
    if (performance.now() > deadline) throw new Error(`no mail came to ${address}`)
    await sleep(100)
  }
}

async function resetTokenOf(target: Target, { email }: Party, headers: Record<string, string> = {}): Promise<string> {
  await target.gateway.send({ path: '/v1/auth/forgot-password', headers, body: { email } })
  return mailedToken(target, email, /new password/)
}

function reset({ gateway }: Target, token: string, password = NEW_PASSWORD): Promise<Answer> {
  return gateway.send({ path: '/v1/auth/reset-password', body: { token, new_password: password } })
}

/** Ten at once with one token: one of them sets the password. */
async function resetRace(target: Target): Promise<Outcome> {
  const token = await resetTokenOf(target, await target.newParty())
  const answers = await Promise.all(Array.from({ length: 10 }, () => reset(target, token)))
  return judged(answers, countSuccesses(answers) === 1)
}

async function resetTwice(target: Target): Promise<Outcome> {
  const token = await resetTokenOf(target, await target.newParty())
  await reset(target, token)
  return refused(await reset(target, token, 'yet another long password'))
}

/** Whoever resets a password throws out whoever is in. */
async function sessionsAfterReset(target: Target): Promise<Outcome> {
  const party = await target.newParty()
  await ok(reset(target, await resetTokenOf(target, party)).then(withoutBody))
  const refresh = await target.gateway.send({ path: '/v1/auth/refresh', body: { refresh_token: party.refreshToken } })
  const login = { email: party.email, password: party.password }
  return refused(refresh, await target.gateway.send({ path: '/v1/auth/login', body: login }))
}

function withoutBody(answer: Answer): Answer {
  return { ...answer, text: answer.text === '' ? 'null' : answer.text }
}

/** A token for one thing, used for another. */
async function otherUses(target: Target): Promise<Outcome> {
  const token = await resetTokenOf(target, await target.newParty())
  const others = USES.slice(1).map(([path, more]) => target.gateway.send({ path, body: { token, ...more } }))
  return refused(...(await Promise.all(others)))
}

/** A mail goes to where the installation says, whatever host a request names. */
async function poisonedHost(target: Target): Promise<Outcome> {
  const party = await target.newParty()
  const body = JSON.stringify({ email: party.email })
  const lines = ['POST /v1/auth/forgot-password HTTP/1.1', 'host: evil.example', 'x-forwarded-host: evil.example']
  const framing = ['x-forwarded-proto: https', 'origin: https://evil.example', 'content-type: application/json']
  const answers = await target.gateway.raw(
    [...lines, ...framing, `content-length: ${body.length}`, '', body].join('\r\n'),
  )
  await mailedToken(target, party.email, /new password/)
  const mails = (await target.mailsTo(party.email)).join('\n')
  return judged(answers, !mails.includes('evil.example'))
}

/** Known and unknown addresses are answered alike. */
async function enumerate({ gateway, victim }: Target): Promise<Outcome> {
  const paths = ['/v1/auth/forgot-password', '/v1/auth/verify-email/resend']
  const ask = (email: string) => Promise.all(paths.map((path) => gateway.send({ path, body: { email } })))
  const [known, unknown] = [await ask(victim.email), await ask(`${randomUUID()}@example.org`)]
  const shape = (answers: readonly Answer[]) =>
    JSON.stringify(answers.map(({ status, headers, text }) => [status, Object.keys(headers).toSorted(), text]))
  return judged([...known, ...unknown], shape(known) === shape(unknown))
}

async function invite({ gateway, attacker }: Target, role = 'user'): Promise<{ id: string; token: string }> {
  const headers = { authorization: `Bearer ${attacker.accessToken}` }
  const body = { email: `${randomUUID()}@example.org`, role }
  return ok(gateway.send({ path: '/v1/invitations', headers, body }))
}

function accept({ gateway }: Target, token: string, more: Record<string, unknown> = {}): Promise<Answer> {
  return gateway.send({ path: '/v1/invitations/accept', body: { token, password: NEW_PASSWORD, ...more } })
}

async function invitationRace(target: Target): Promise<Outcome> {
  const { token } = await invite(target)
  const answers = await Promise.all(Array.from({ length: 10 }, () => accept(target, token)))
  return judged(answers, countSuccesses(answers) === 1)
}

async function revokedInvitation(target: Target): Promise<Outcome> {
  const { id, token } = await invite(target)
  const headers = { authorization: `Bearer ${target.attacker.accessToken}` }
  await target.gateway.send({ method: 'DELETE', path: `/v1/invitations/${id}`, headers })
  return refused(await accept(target, token))
}

/** Fields by which an invited person would be more than invited. */
async function acceptMore(target: Target): Promise<Outcome> {
  const { token } = await invite(target)
  const fields = { role: 'owner', tenant_id: target.victim.tenantId, email: target.victim.email, email_verified: true }
  const answers = Object.entries(fields).map(([name, value]) => accept(target, token, { [name]: value }))
  return refused(...(await Promise.all(answers)))
}

function countSuccesses(answers: readonly Answer[]): number {
  return answers.filter(({ status }) => status < 300).length
}

export const MAILED_TOKEN_ATTACKS: readonly Attack[] = [
  ...attacks('mailed token guessing', GUESSES, (target, make) => guess(target, make(target))),
  { kind: 'password reset', name: 'ten at once', run: resetRace },
  { kind: 'password reset', name: 'twice', run: resetTwice },
  { kind: 'password reset', name: 'sessions and the old password after it', run: sessionsAfterReset },
  { kind: 'password reset', name: 'its token for other things', run: otherUses },
  { kind: 'password reset', name: 'a Host header for the mail', run: poisonedHost },
  { kind: 'password reset', name: 'a known and an unknown address', run: enumerate },
  { kind: 'invitation', name: 'ten at once', run: invitationRace },
  { kind: 'invitation', name: 'one that was taken back', run: revokedInvitation },
  { kind: 'invitation', name: 'with more than was offered', run: acceptMore },
]
