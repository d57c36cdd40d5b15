import { ConfigError } from '@memoric/service/config.ts'
import type { MailSender } from '@memoric/service/mail/mail.ts'
import { openMailSender } from '@memoric/service/mail/mail-config.ts'
import type { AuthConfig } from '../config.ts'

/** The sender that the configuration names, or null when it names none. Throws ConfigError for one that cannot be. */
export function createMailSender(config: AuthConfig): MailSender | null {
  const sender = openMailSender(config)
  if (sender !== null || config.REGISTRATION !== 'verified') return sender
  throw new ConfigError('REGISTRATION=verified needs mail: set MAIL_SMTP_URL, or MAIL_DIRECTORY for development.')
}
