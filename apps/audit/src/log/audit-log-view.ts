import type { AuditLog } from '@memoric/contracts/audit-contract.ts'
import type { PersonalData } from '@memoric/contracts/event.ts'
import { severityOf } from '@memoric/contracts/event-types.ts'
import type { Logger } from '@memoric/service/logger.ts'
import type { ActorKeys } from '../personal/actor-keys.ts'
import { openPersonal } from '../personal/seal-personal.ts'
import type { LogRow } from './log-page-repository.ts'

export interface OpeningDeps {
  readonly actorKeys: ActorKeys
  readonly log: Logger
}

/** What it takes to open the personal data of a line. */
export type PersonalRow = Pick<LogRow, 'actor' | 'sealed' | 'key_id' | 'wrapped' | 'tenant_id' | 'event_id'>

const NO_PERSONAL_DATA: PersonalData = { ip_address: null, user_agent: null, email: null }

/** A line as readers see it. */
export function toAuditLog(deps: OpeningDeps, row: LogRow): AuditLog {
  const { actor: _actor, sealed: _sealed, key_id: _keyId, wrapped: _wrapped, canonical: _leaf, ...line } = row
  return {
    ...line,
    occurred_at: row.occurred_at.toISOString(),
    received_at: row.received_at.toISOString(),
    severity: severityOf(row.operation),
    ...personalOf(deps, row),
  }
}

/** All null once the key of the actor is destroyed, where there never was any, and where somebody has changed it. */
export function personalOf({ actorKeys, log }: OpeningDeps, row: PersonalRow): PersonalData {
  try {
    return openStored(actorKeys, row)
  } catch (error) {
    log.error({ err: error, event_id: row.event_id }, 'personal data does not open under the key of its actor')
    return NO_PERSONAL_DATA
  }
}

function openStored(keys: ActorKeys, row: PersonalRow): PersonalData {
  const { actor, sealed, key_id: keyId, wrapped, tenant_id: tenantId, event_id: eventId } = row
  if (actor === null || sealed === null || keyId === null || wrapped === null) return NO_PERSONAL_DATA
  const { key } = keys.open({ tenantId, actor, keyId, wrapped })
  return openPersonal(key, { tenantId, actor, eventId }, sealed)
}
