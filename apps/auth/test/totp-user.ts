import { generate } from 'otplib/functional'
import { type Owner, PASSWORD, signUp } from './sign-up.ts'
import type { TestAuth } from './use-auth.ts'

/** An owner who keeps a second factor. */
export interface TotpOwner extends Owner {
  readonly secret: string
  readonly recoveryCodes: readonly string[]
}

/** The code that an authenticator app shows, or shows some steps later. */
export function codeOf(secret: string, steps = 0): Promise<string> {
  return generate({ secret, epoch: Math.floor(Date.now() / 1000) + steps * 30 })
}

/** Six digits that are not the code of any step near. */
export async function wrongCode(secret: string): Promise<string> {
  const near = await Promise.all([-2, -1, 0, 1, 2].map((steps) => codeOf(secret, steps)))
  return ['000000', '111111', '222222', '333333', '444444', '555555'].find((code) => !near.includes(code))!
}

/** Sets up the authenticator app of a signed-in user. */
export async function enableTotp(auth: TestAuth, user: Owner): Promise<TotpOwner> {
  const enrolled = await auth.call('POST', '/v1/auth/totp/enroll', {}, user.caller)
  const { secret } = enrolled.body
  const confirmed = await auth.call('POST', '/v1/auth/totp/confirm', { code: await codeOf(secret) }, user.caller)
  if (confirmed.status !== 200) throw new Error(`not enabled: ${JSON.stringify([enrolled.body, confirmed.body])}`)
  return { ...user, secret, recoveryCodes: confirmed.body.recovery_codes }
}

/** Registers a new tenant whose owner keeps a second factor. */
export async function signUpWithTotp(auth: TestAuth): Promise<TotpOwner> {
  return enableTotp(auth, await signUp(auth))
}

/** As if no code had been used yet. */
export function forgetSteps({ admin }: TestAuth, { userId }: Owner) {
  return admin`update users set totp_last_step = null where id = ${userId}`
}

/** Signs in with a password and, where it is given, a code. */
export function loginWith(auth: TestAuth, { email }: Owner, totp?: string, password = PASSWORD) {
  return auth.call('POST', '/v1/auth/login', { email, password, ...(totp !== undefined && { totp }) })
}
