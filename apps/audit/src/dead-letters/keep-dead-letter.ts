import { PLATFORM_TENANT, type TenantId } from '@memoric/contracts/ids.ts'
import { confirmedSubject } from '@memoric/contracts/subjects.ts'
import type { SealingKey } from '@memoric/crypto/sealed-box.ts'
import type { Messaging } from '@memoric/messaging/connect.ts'
import { deadLetterDigest } from '@memoric/messaging/dead-letters.ts'
import type { IncomingMessage } from '@memoric/messaging/handle-batch.ts'
import { publishSignal } from '@memoric/messaging/signals.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { EventFactory, OutboxEvent } from '@memoric/service/event-factory.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import { internalContext } from '../internal-context.ts'
import { insertDeadLetter, type NewDeadLetter } from './dead-letter-repository.ts'
import { type ReadLetter, readLetter } from './read-letter.ts'
import { sealLetter } from './seal-letter.ts'

export interface DeadLetterDeps {
  readonly sql: Sql
  readonly messaging: Messaging
  readonly credentials: SealingKey
  readonly events: EventFactory
  readonly wakeRelay: () => void
}

const REASON_MAX = 500
const OUTBOXES = ['auth', 'gateway', 'memory', 'audit']

/**
 * Keeps a message that the log does not take, and tells of it in the log. Its app is told that it can let go: it is kept here now, and
 * would come again for ever otherwise.
 */
export async function keepDeadLetter(deps: DeadLetterDeps, message: IncomingMessage, reason: string): Promise<void> {
  const read = readLetter(message)
  const letter = newLetter(deps.credentials, message, read, reason.slice(0, REASON_MAX))
  const isNew = await systemTransaction(deps.sql, async (tx) => {
    const id = await insertDeadLetter(tx, letter)
    // What tells of a broken message must not tell of itself.
    if (id !== null && read.type !== 'audit.event_rejected') await outboxInsert(tx, [rejected(deps, letter, read)])
    return id !== null
  })
  if (isNew) deps.wakeRelay()
  confirm(deps.messaging, read)
}

function newLetter(
  credentials: SealingKey,
  { subject, data }: IncomingMessage,
  { tenantId, eventId, app }: ReadLetter,
  reason: string,
): NewDeadLetter {
  const id = uuidV7()
  const digest = deadLetterDigest({ subject, data })
  const sealed = sealLetter(credentials, id, data)
  return { id, tenant_id: tenantId, event_id: eventId, app, subject, reason, bytes: data.byteLength, digest, sealed }
}

function rejected({ events }: DeadLetterDeps, letter: NewDeadLetter, { type }: ReadLetter): OutboxEvent {
  return events({
    type: 'audit.event_rejected',
    context: internalContext('service:audit'),
    // From a subject that our services may publish to.
    tenantId: (letter.tenant_id ?? PLATFORM_TENANT) as TenantId,
    resourceId: letter.id,
    statusCode: null,
    outcome: 'failure',
    reason: letter.reason,
    details: { event_id: letter.event_id, app: letter.app, type, bytes: letter.bytes },
  })
}

/** Who does not know the id does nothing. */
function confirm(messaging: Messaging, { eventId, app }: ReadLetter): void {
  if (eventId === null) return
  for (const to of app === null ? OUTBOXES : [app]) publishSignal(messaging, confirmedSubject(to), { ids: [eventId] })
}
