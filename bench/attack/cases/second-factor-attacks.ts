import { createHmac } from 'node:crypto'
import { type Attack, attacks, judged, type Outcome, refused, refusedWith } from '../attack.ts'
import type { Answer } from '../http-client.ts'
import { ok, type Party, type Target } from '../target.ts'

const STEP_MS = 30_000
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** RFC 6238 with SHA-1, six digits and steps of 30 s. */
function codeOf(secret: string, at: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(at / STEP_MS)))
  const mac = createHmac('sha1', fromBase32(secret)).update(counter).digest()
  const offset = (mac.at(-1) ?? 0) & 15
  return String((mac.readUInt32BE(offset) & 0x7fff_ffff) % 1_000_000).padStart(6, '0')
}

function fromBase32(text: string): Buffer {
  const digits = Array.from(text.replaceAll('=', ''), (character) => BASE32.indexOf(character))
  const bits = digits.map((digit) => digit.toString(2).padStart(5, '0')).join('')
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)))
}

interface Protected extends Party {
  readonly secret: string
  /** The code that confirmed the authenticator. */
  readonly usedCode: string
  readonly recoveryCodes: readonly string[]
}

/** Somebody who signs in with an authenticator app. */
async function newProtected({ gateway, newParty }: Target): Promise<Protected> {
  const party = await newParty()
  const headers = { authorization: `Bearer ${party.accessToken}` }
  const { secret } = await ok<{ secret: string }>(gateway.send({ path: '/v1/auth/totp/enroll', headers, body: {} }))
  const usedCode = codeOf(secret, Date.now())
  const confirm = { path: '/v1/auth/totp/confirm', headers, body: { code: usedCode } }
  const { recovery_codes: recoveryCodes } = await ok<{ recovery_codes: string[] }>(gateway.send(confirm))
  return { ...party, secret, usedCode, recoveryCodes }
}

function login({ gateway }: Target, { email, password }: Party, totp?: unknown): Promise<Answer> {
  return gateway.send({ path: '/v1/auth/login', body: { email, password, ...(totp !== undefined && { totp }) } })
}

/** What comes in the place of a code. */
const CODES: readonly (readonly [string, (person: Protected) => unknown])[] = [
  ['no code', () => undefined],
  ['the code that was used before', ({ usedCode }) => usedCode],
  ['a code of an hour ago', ({ secret }) => codeOf(secret, Date.now() - 3_600_000)],
  ['a code of the next hour', ({ secret }) => codeOf(secret, Date.now() + 3_600_000)],
  ['the secret', ({ secret }) => secret],
  ['a list of all codes', ({ usedCode }) => ['000000', usedCode]],
  ['a number', ({ usedCode }) => Number(usedCode)],
  ['null', () => null],
  ['an operator', () => ({ $ne: null })],
  ['nothing', () => ''],
  ['digits of another script', () => '٠١٢٣٤٥'],
  ['a recovery code with another letter', ({ recoveryCodes }) => `${recoveryCodes[0]?.slice(0, -1) ?? ''}!`],
]

/** A million codes are not many: guessing ends soon, and the right code does not help the one who guesses. */
async function guess(target: Target): Promise<Outcome> {
  const person = await newProtected(target)
  const wrong = Array.from({ length: 30 }, (_, at) => String(at).padStart(6, '0'))
  const answers: Answer[] = []
  for (const code of wrong) answers.push(await login(target, person, code))
  const { held, answer } = refused(...answers)
  return { answer, held: held && answers.at(-1)?.status === 429 }
}

async function recoveryRace(target: Target): Promise<Outcome> {
  const person = await newProtected(target)
  const [code] = person.recoveryCodes
  const answers = await Promise.all(Array.from({ length: 10 }, () => login(target, person, code)))
  return judged(answers, answers.filter(({ status }) => status === 200).length === 1)
}

/** A session that was there before the authenticator cannot take it away by itself. */
async function takeAway(target: Target): Promise<Outcome> {
  const { accessToken } = await newProtected(target)
  const headers = { authorization: `Bearer ${accessToken}` }
  const disable = { method: 'DELETE', path: '/v1/auth/totp', headers }
  const enroll = { path: '/v1/auth/totp/enroll', headers, body: {} }
  const answers = [await target.gateway.send(disable), await target.gateway.send(enroll)]
  return judged(
    answers,
    answers.every(({ status }) => status >= 400),
  )
}

export const SECOND_FACTOR_ATTACKS: readonly Attack[] = [
  ...attacks('second factor', CODES, async (target, make) => {
    const person = await newProtected(target)
    const codes = ['totp_required', 'invalid_code', 'invalid_credentials', 'validation_failed', 'malformed_json']
    return refusedWith(codes, await login(target, person, make(person)))
  }),
  { kind: 'second factor', name: 'thirty guesses', run: guess },
  { kind: 'second factor', name: 'a recovery code ten times at once', run: recoveryRace },
  { kind: 'second factor', name: 'taking it away with an older session', run: takeAway },
]
