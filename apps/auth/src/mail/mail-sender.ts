import { ConfigError } from '@memoric/service/config.ts'
import type { AuthConfig } from '../config.ts'
import { createFileSender } from './file-sender.ts'
import type { MailSender } from './mail.ts'
import { createSmtpSender } from './smtp-sender.ts'

/** The sender that the configuration names, or null when it names none. Throws ConfigError for one that cannot be. */
export function createMailSender(config: AuthConfig): MailSender | null {
  const { MAIL_SMTP_URL: url, MAIL_DIRECTORY: directory, MAIL_FROM: from } = config
  if (url !== undefined && directory !== undefined)
    throw new ConfigError('Set MAIL_SMTP_URL or MAIL_DIRECTORY, not both.')
  if (url !== undefined) return createSmtpSender(url, from)
  if (directory !== undefined) return createFileSender(directory, from)
  if (config.REGISTRATION !== 'verified') return null
  throw new ConfigError('REGISTRATION=verified needs mail: set MAIL_SMTP_URL, or MAIL_DIRECTORY for development.')
}
