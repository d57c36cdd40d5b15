import type { PersonalData } from '@memoric/contracts/event.ts'
import type { JsonValue } from '@memoric/contracts/text.ts'
import { normalizeEmail } from '@memoric/crypto/blind-index.ts'
import { networkOf } from '@memoric/service/client-networks.ts'
import type { Pseudonym } from '../keys/audit-keys.ts'
import { personalOf, type OpeningDeps } from '../log/audit-log-view.ts'
import type { LogRow } from '../log/log-page-repository.ts'

/** An event as detections see it: of personal data only pseudonyms, and those only when one asks. */
export interface SeenEvent {
  readonly id: string
  readonly tenantId: string
  /** Ms since the epoch. */
  readonly at: number
  /** When the log got it, ms since the epoch. */
  readonly receivedAt: number
  readonly operation: string
  readonly outcome: string
  readonly actorType: string
  readonly actorId: string | null
  readonly resourceId: string | null
  readonly status: number | null
  readonly details: Readonly<Record<string, JsonValue>>
  /** Pseudonym of the network (/24, or /64 of IPv6) that it came from. */
  network(): string | null
  /** Pseudonym of the e-mail. */
  email(): string | null
}

export interface SeeingDeps extends OpeningDeps {
  readonly pseudonym: Pseudonym
}

export function toSeenEvent(deps: SeeingDeps, row: LogRow): SeenEvent {
  const { tenant_id: tenantId } = row
  let opened: PersonalData | undefined
  const personal = () => (opened ??= personalOf(deps, row))
  return {
    id: row.event_id,
    tenantId,
    at: row.occurred_at.getTime(),
    receivedAt: row.received_at.getTime(),
    operation: row.operation,
    outcome: row.outcome,
    actorType: row.actor_type,
    actorId: row.actor_id,
    resourceId: row.resource_id,
    status: row.status_code,
    details: row.details,
    network() {
      const address = personal().ip_address
      return address === null ? null : deps.pseudonym('network', tenantId, networkOf(address))
    },
    email() {
      const { email } = personal()
      return email === null ? null : deps.pseudonym('email', tenantId, normalizeEmail(email))
    },
  }
}
