import { Socket } from 'node:net'
import { ConfigError } from '../config.ts'
import { type Mail, MailNotSent, MailRefused, type MailSender } from './mail.ts'

/** Longest silence of the server, ms. */
const CONNECT_MS = 10_000
const SILENCE_MS = 15_000

/** Hands each mail to an SMTP server (RFC 5321) on a connection of its own. */
export function createSmtpSender(url: string, from: string): MailSender {
  const server = smtpServer(url)
  return {
    async send(mail, signal) {
      signal.throwIfAborted()
      const { createTransport } = await import('nodemailer')
      const socket = new Socket()
      const stop = () => socket.destroy(new Error('stopped'))
      signal.addEventListener('abort', stop, { once: true })
      try {
        await createTransport({ ...server, socket }).sendMail(message(mail, from))
      } catch (error) {
        throw asMailError(error)
      } finally {
        signal.removeEventListener('abort', stop)
      }
    },
  }
}

function smtpServer(url: string) {
  const { protocol, hostname, port, username, password, searchParams } = new URL(url)
  const secure = protocol === 'smtps:'
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? (secure ? 465 : 587) : Number(port),
    secure,
    requireTLS: searchParams.get('requireTLS') === 'true',
    ...(username !== '' && { auth: { user: decoded(username), pass: decoded(password) } }),
    dnsTimeout: CONNECT_MS,
    connectionTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    socketTimeout: SILENCE_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new ConfigError('MAIL_SMTP_URL: user and password must be percent-encoded.')
  }
}

/** The address is given as such: as text it could be read as several. */
function message({ to, subject, text }: Mail, from: string) {
  return {
    from,
    to: { name: '', address: to },
    subject,
    text,
    headers: { 'Auto-Submitted': 'auto-generated' },
  }
}

/** With what went wrong, by nodemailer's code and the status of the server (RFC 5321 section 4.2.1). */
function asMailError(error: unknown): MailNotSent {
  const { code = 'unknown', responseCode: status } = error as { code?: string; responseCode?: number }
  const message =
    status === undefined ? `no mail server took it (${code})` : `the mail server answered ${status} (${code})`
  return code === 'EENVELOPE' && status !== undefined && status >= 500
    ? new MailRefused(message)
    : new MailNotSent(message)
}
