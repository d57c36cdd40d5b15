import type { MailService } from './open-mail.ts'

type Gauges = Readonly<Record<string, { readonly help: string; readonly read: () => Promise<number> }>>

/** How the mails are doing; not numbers while the database is away. */
export function mailGauges({ stats }: Pick<MailService, 'stats'>): Gauges {
  const latest = () => stats().catch(() => ({ waiting: NaN, oldestMs: NaN, givenUp: NaN }))
  return {
    memoric_mails_waiting: { help: 'Mails that wait to be sent', read: async () => (await latest()).waiting },
    memoric_mails_oldest_seconds: {
      help: 'Age of the oldest mail that waits to be sent',
      read: async () => (await latest()).oldestMs / 1000,
    },
    memoric_mails_given_up: {
      help: 'Mails that this process could not send, however often it tried',
      read: async () => (await latest()).givenUp,
    },
  }
}
