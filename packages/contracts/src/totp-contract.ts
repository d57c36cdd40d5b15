import { z } from 'zod'
import { password, secondFactor } from './auth-contract.ts'
import type { Route } from './route.ts'

/** The current password: needed when the session did not begin within the last minutes. */
export const enrollTotpBody = z.strictObject({ password: password.optional() }).meta({ id: 'EnrollTotp' })

export const totpEnrollment = z
  .object({
    secret: z.string().describe('base32, for apps that cannot read the URI'),
    otpauth_uri: z.string().describe('to show as a QR code'),
  })
  .meta({ id: 'TotpEnrollment' })

export const confirmTotpBody = z.strictObject({ code: secondFactor }).meta({ id: 'ConfirmTotp' })

export const recoveryCodes = z
  .object({ recovery_codes: z.array(z.string()).describe('each works once in the place of a code; shown only here') })
  .meta({ id: 'RecoveryCodes' })

/** The second factor of a signed-in user (RFC 6238). */
export const totpRoutes = {
  enrollTotp: {
    method: 'POST',
    path: '/v1/auth/totp/enroll',
    app: 'auth',
    access: 'signed_in',
    rate: 'write',
    summary: 'Begin to use an authenticator app; it counts once a code is confirmed',
    body: enrollTotpBody.default({}),
    responses: { 200: totpEnrollment },
  },
  confirmTotp: {
    method: 'POST',
    path: '/v1/auth/totp/confirm',
    app: 'auth',
    access: 'signed_in',
    rate: 'sign_in',
    summary: 'Confirm the authenticator app with a code; from now on signing in needs one',
    body: confirmTotpBody,
    responses: { 200: recoveryCodes },
  },
  disableTotp: {
    method: 'DELETE',
    path: '/v1/auth/totp',
    app: 'auth',
    access: 'signed_in',
    rate: 'sign_in',
    summary: 'Stop using the authenticator app; needs a session that began lately, with a code',
    responses: { 204: null },
  },
} as const satisfies Record<string, Route>
