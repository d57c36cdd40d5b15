import { z } from 'zod'
import { email, password } from './auth-contract.ts'
import type { Route } from './route.ts'

/** A token from a mail: it works once, for a short time. */
export const mailedToken = z.string().min(1).max(128)

const nothing = z.object({})

export const changePasswordBody = z
  .strictObject({ current_password: password, new_password: password })
  .meta({ id: 'ChangePassword' })

export const forgotPasswordBody = z.strictObject({ email }).meta({ id: 'ForgotPassword' })

export const resetPasswordBody = z
  .strictObject({ token: mailedToken, new_password: password })
  .meta({ id: 'ResetPassword' })

export const verifyEmailBody = z.strictObject({ token: mailedToken }).meta({ id: 'VerifyEmail' })

export const resendVerificationBody = z.strictObject({ email }).meta({ id: 'ResendVerification' })

/** Passwords, and the mails that prove an address. */
export const passwordRoutes = {
  changePassword: {
    method: 'POST',
    path: '/v1/auth/change-password',
    app: 'auth',
    access: 'signed_in',
    rate: 'sign_in',
    summary: 'Change the own password; every other session ends',
    body: changePasswordBody,
    responses: { 204: null },
  },
  forgotPassword: {
    method: 'POST',
    path: '/v1/auth/forgot-password',
    app: 'auth',
    access: 'anyone',
    rate: 'sign_in',
    summary: 'Ask for a mail with a token that sets a new password',
    description: 'The answer is the same whether or not there is an account.',
    body: forgotPasswordBody,
    responses: { 202: nothing },
  },
  resetPassword: {
    method: 'POST',
    path: '/v1/auth/reset-password',
    app: 'auth',
    access: 'anyone',
    rate: 'sign_in',
    summary: 'Set a new password with the token of a mail; every session ends',
    body: resetPasswordBody,
    responses: { 204: null },
  },
  verifyEmail: {
    method: 'POST',
    path: '/v1/auth/verify-email',
    app: 'auth',
    access: 'anyone',
    rate: 'sign_in',
    summary: 'Prove an e-mail address with the token of a mail',
    body: verifyEmailBody,
    responses: { 204: null },
  },
  resendVerification: {
    method: 'POST',
    path: '/v1/auth/verify-email/resend',
    app: 'auth',
    access: 'anyone',
    rate: 'sign_in',
    summary: 'Ask for another mail that proves the address',
    description: 'The answer is the same whether or not there is an account.',
    body: resendVerificationBody,
    responses: { 202: nothing },
  },
} as const satisfies Record<string, Route>
