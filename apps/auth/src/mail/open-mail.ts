import type { Sql } from '@memoric/postgres/client.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { EventFactory } from '@memoric/service/event-factory.ts'
import type { Logger } from '@memoric/service/logger.ts'
import type { AuthConfig } from '../config.ts'
import type { AuthKeys } from '../keys/auth-keys.ts'
import { openRequest, sealRequest } from './mail-queue.ts'
import { type MailQueueStats, selectMailQueueStats } from './mail-queue-repository.ts'
import type { MailSender } from '@memoric/service/mail/mail.ts'
import { createMailSender } from './mail-sender.ts'
import { createMailTexts } from './mail-texts.ts'
import { createMailWorker, type MailWorker, type MailWorkerOptions } from './mail-worker.ts'
import { prepareMails } from './prepare-mails.ts'

/** The mails of auth. */
export interface MailService extends Omit<MailWorker, 'givenUp'> {
  /** False when no way to send mails is configured: requests are answered the same, and nothing is queued. */
  readonly isOn: boolean
  stats(): Promise<MailQueueStats & { readonly givenUp: number }>
}

export interface MailDeps {
  readonly config: AuthConfig
  readonly sql: Sql
  readonly log: Logger
  readonly keys: AuthKeys
  readonly events: EventFactory
  /** Called when events were written. */
  readonly wakeRelay: () => void
}

/** Begins to send mails. Throws ConfigError. */
export function openMail(deps: MailDeps): MailService {
  const sender = createMailSender(deps.config)
  if (sender === null) deps.log.info('mail is off: set MAIL_SMTP_URL to let users reset passwords and prove addresses')
  const worker = sender === null ? idle : createMailWorker(workerOptions(deps, sender))
  return {
    isOn: sender !== null,
    wake: () => worker.wake(),
    close: () => worker.close(),
    async stats() {
      const [[row]] = await systemFlight(deps.sql, (tx) => [selectMailQueueStats(tx)])
      return { waiting: 0, oldestMs: 0, ...row, givenUp: worker.givenUp() }
    },
  }
}

const idle: MailWorker = { wake: () => undefined, givenUp: () => 0, close: () => Promise.resolve() }

function workerOptions({ config, sql, log, keys, events, wakeRelay }: MailDeps, sender: MailSender): MailWorkerOptions {
  const source = { keys, events, texts: createMailTexts(config.PUBLIC_URL) }
  return {
    sql,
    log,
    sender,
    async prepare(tx, id, sealed) {
      const { mails, next } = await prepareMails(tx, source, openRequest(keys, id, sealed))
      return next === undefined ? { mails } : { mails, replacement: sealRequest(keys, id, next) }
    },
    onPrepared: wakeRelay,
  }
}
