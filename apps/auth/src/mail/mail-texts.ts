import type { Role } from '@memoric/contracts/permissions.ts'
import type { Mail } from '@memoric/service/mail/mail.ts'
import { shown } from '@memoric/service/mail/shown.ts'

/** An account of the person who gets the mail, with a token for it. */
export interface TokenOfTenant {
  readonly tenantId: string
  readonly tenantName: string
  readonly token: string
}

/** A mail without its address. */
export type MailText = Omit<Mail, 'to'>

/** Writes the mails of an installation; `publicUrl` is where its API is, whatever a request said. */
export function createMailTexts(publicUrl: string) {
  const base = publicUrl.replace(/\/+$/, '')
  const call = (path: string, body: string): string =>
    `  curl ${base}${path} -H 'content-type: application/json' \\\n    -d '${body}'`
  const mail = (subject: string, ...parts: string[]): MailText => ({ subject, text: `${parts.join('\n\n')}\n` })
  const setPassword = call('/v1/auth/reset-password', '{"token":"<token>","new_password":"<new password>"}')

  return {
    passwordReset: (tokens: readonly TokenOfTenant[]): MailText =>
      mail(
        'Set a new password for Memoric',
        'Somebody asked for a new password for your account. If it was not you, do nothing: your password stays as it is.',
        ...tokens.map(tokenText),
        'Within 30 minutes, give the token to the program with which you use Memoric, or run',
        setPassword,
        'Each token works once. All sessions of the account end with it.',
      ),
    emailVerification: (tokens: readonly TokenOfTenant[]): MailText =>
      mail(
        'Confirm your e-mail address for Memoric',
        'Somebody registered with this address. If it was not you, do nothing.',
        ...tokens.map(tokenText),
        'Within 24 hours, give the token to the program with which you use Memoric, or run',
        call('/v1/auth/verify-email', '{"token":"<token>"}'),
      ),
    newMember: (token: TokenOfTenant): MailText =>
      mail(
        'You have an account at Memoric',
        'An administrator made an account for you.',
        tokenText(token),
        'Within 7 days, set a password: give the token to the program with which you use Memoric, or run',
        setPassword,
      ),
    invitation: ({ tenantName, inviter, role, token, expiresAt }: Invitation): MailText =>
      mail(
        'You are invited to Memoric',
        `${inviter === null ? 'Somebody' : `"${shown(inviter)}"`} invites you to the tenant "${shown(tenantName)}" as ${role}. ` +
          'If you do not know why, do nothing.',
        `Token: ${token}`,
        `Until ${expiresAt}, give the token to the program with which you use Memoric, or run`,
        call('/v1/invitations/accept', '{"token":"<token>","password":"<password>"}'),
      ),
    alreadyRegistered: (): MailText =>
      mail(
        'You have an account at Memoric already',
        'Somebody tried to register with this address, which has an account. If it was not you, do nothing: nothing has changed.',
        'If you do not remember the password, ask for a new one:',
        call('/v1/auth/forgot-password', '{"email":"<your address>"}'),
      ),
    securityNotice: ({ tenantId, tenantName }: Omit<TokenOfTenant, 'token'>, text: string): MailText =>
      mail(
        'Your account at Memoric has changed',
        shown(text),
        `Tenant: "${shown(tenantName)}" (${tenantId})`,
        'If it was not you, set a new password at once and tell an administrator of your tenant:',
        call('/v1/auth/forgot-password', '{"email":"<your address>"}'),
      ),
  }
}

export type MailTexts = ReturnType<typeof createMailTexts>

interface Invitation {
  readonly tenantName: string
  readonly inviter: string | null
  readonly role: Role
  readonly token: string
  readonly expiresAt: string
}

function tokenText({ tenantId, tenantName, token }: TokenOfTenant): string {
  return `Tenant: "${shown(tenantName)}" (${tenantId})\nToken: ${token}`
}
