import { DETECTIONS } from '@memoric/contracts/detections.ts'
import type { SealingKey } from '@memoric/crypto/sealed-box.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import type { Closer } from '@memoric/service/closer.ts'
import type { EventFactory } from '@memoric/service/event-factory.ts'
import type { Logger } from '@memoric/service/logger.ts'
import type { MailSender } from '@memoric/service/mail/mail.ts'
import { type MailConfig, openMailSender } from '@memoric/service/mail/mail-config.ts'
import type { MetricsOptions } from '@memoric/service/metrics-plugin.ts'
import { createOutboundFetch, type OutboundFetch } from '@memoric/service/outbound-fetch.ts'
import { startDeliveries } from '../deliveries/delivery-worker.ts'
import type { AuditKeys } from '../keys/audit-keys.ts'
import type { ActorKeys } from '../personal/actor-keys.ts'
import { followLog } from './follow-log.ts'
import type { Detections } from './notice.ts'

export interface NoticingConfig extends MailConfig {
  readonly PUBLIC_URL: string
  readonly OUTBOUND_PRIVATE_NETWORKS: boolean
}

export interface NoticingDeps {
  readonly sql: Sql
  readonly log: Logger
  readonly closer: Closer
  readonly keys: Pick<AuditKeys, 'credentials' | 'pseudonym'>
  readonly actorKeys: ActorKeys
  readonly events: EventFactory
  readonly wakeRelay: () => void
  readonly now?: () => number
  readonly detections?: Detections
  /** Waits between attempts to deliver an alert, ms. */
  readonly retries?: readonly number[]
}

/** What notices, and what requests about it need. */
export interface Noticing {
  /** Call when lines were appended. */
  wake(): void
  readonly credentials: SealingKey
  readonly fetch: OutboundFetch
  readonly privateNetworks: boolean
  /** Null where no mails are sent. */
  readonly mail: MailSender | null
  readonly publicUrl: string
  readonly now: () => number
  readonly gauges: NonNullable<MetricsOptions['gauges']>
}

/** Begins to follow the log and to deliver alerts. Throws ConfigError. */
export function openNoticing(config: NoticingConfig, deps: NoticingDeps): Noticing {
  const { sql, log, closer, keys, now = Date.now } = deps
  const { credentials, pseudonym } = keys
  const privateNetworks = config.OUTBOUND_PRIVATE_NETWORKS
  const fetch = createOutboundFetch({ privateNetworks })
  const mail = openMailSender(config)
  const posting = { credentials, fetch, now }
  const retries = deps.retries === undefined ? {} : { retries: deps.retries }
  const deliveries = startDeliveries({ ...posting, sql, log, mail, publicUrl: config.PUBLIC_URL, ...retries })
  closer.defer('deliveries of alerts', () => deliveries.close())
  const follower = followLog({
    ...deps,
    detections: deps.detections ?? DETECTIONS,
    pseudonym,
    now,
    onRaised() {
      deliveries.wake()
      deps.wakeRelay()
    },
  })
  closer.defer('log follower', () => follower.close())
  return {
    ...posting,
    wake: () => follower.wake(),
    privateNetworks,
    mail,
    publicUrl: config.PUBLIC_URL,
    gauges: {
      memoric_audit_lines_unnoticed: {
        help: 'Lines of the log that detections have not looked at',
        read: () => follower.behind(),
      },
      memoric_audit_detection_faults: {
        help: 'How often a detection could not look at an event, in this process',
        read: () => follower.faults(),
      },
      memoric_audit_deliveries_waiting: {
        help: 'Alerts on their way to webhooks and mailboxes',
        read: () => deliveries.waiting(),
      },
      memoric_audit_deliveries_given_up: {
        help: 'Alerts that this process could not deliver, however often it tried',
        read: () => deliveries.givenUp(),
      },
    },
  }
}
