import { z } from 'zod'
import { ConfigError } from '../config.ts'
import { createFileSender } from './file-sender.ts'
import type { MailSender } from './mail.ts'
import { createSmtpSender } from './smtp-sender.ts'

/** Variables of every app that sends mails. */
export const mailConfig = {
  MAIL_FROM: z.string().default('Memoric <memoric@localhost>').describe('sender of mails'),
  MAIL_SMTP_URL: z
    .url({ protocol: /^smtps?$/ })
    .optional()
    .describe(
      'SMTP server with its login: smtps://user:password@host:port, or smtp://…?requireTLS=true for STARTTLS; without it and MAIL_DIRECTORY no mails are sent',
    ),
  MAIL_DIRECTORY: z.string().min(1).optional().describe('folder into which mails are written instead, for development'),
}

export interface MailConfig {
  readonly MAIL_FROM: string
  readonly MAIL_SMTP_URL?: string | undefined
  readonly MAIL_DIRECTORY?: string | undefined
}

/** The sender that the configuration names, or null when it names none. Throws ConfigError for one that cannot be. */
export function openMailSender({
  MAIL_SMTP_URL: url,
  MAIL_DIRECTORY: directory,
  MAIL_FROM: from,
}: MailConfig): MailSender | null {
  if (url !== undefined && directory !== undefined) {
    throw new ConfigError('Set MAIL_SMTP_URL or MAIL_DIRECTORY, not both.')
  }
  if (url !== undefined) return createSmtpSender(url, from)
  return directory === undefined ? null : createFileSender(directory, from)
}
