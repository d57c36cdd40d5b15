import { tenantEventSubjects } from '@memoric/contracts/subjects.ts'
import type { Messaging } from '@memoric/messaging/connect.ts'
import type { StreamPlace } from '@memoric/messaging/follow-events.ts'
import { tailEvents, type TailedMessage } from '@memoric/messaging/tail-events.ts'
import type { EventIds } from './event-ids.ts'
import { type EventFrame, eventFrame, gapFrame } from './event-frame.ts'

/** Hears what the tail of a tenant hears. */
export interface Listener {
  onFrame(seq: number, frame: EventFrame): void
  onNotice(bytes: Buffer): void
}

/** The live end of the events of one tenant: one reader at NATS for all who listen here. */
export interface TenantTail {
  /** Resolves once nothing is missed any more. */
  readonly started: Promise<StreamPlace>
  readonly listeners: Set<Listener>
  /** Position of the message that was passed on last, or after which passing on began. */
  position(): number
  /** Position of the message that was passed on last; 0 before the first. */
  lastPassed(): number
  /** The server-sent event of a message, or null where it is none. */
  frameOf(message: TailedMessage): EventFrame | null
  close(): void
}

/** The user of NATS whose readers these are. */
export const NATS_USER = 'gateway'

export function openTenantTail(messaging: Messaging, ids: EventIds, tenantId: string): TenantTail {
  const listeners = new Set<Listener>()
  let created = ''
  let lastPassed = 0
  const tail = tailEvents({
    messaging,
    user: NATS_USER,
    subject: tenantEventSubjects(tenantId),
    onMessage(message) {
      lastPassed = message.seq
      const frame = frameOf(message)
      if (frame !== null) for (const listener of listeners) listener.onFrame(message.seq, frame)
    },
    onReplaced(place) {
      created = place.created
      lastPassed = 0
      for (const listener of listeners) listener.onNotice(gapFrame('stream_replaced'))
    },
  })
  const started = tail.started.then((place) => {
    created = place.created
    return place
  })
  started.catch(() => undefined)

  function frameOf({ seq, data }: TailedMessage): EventFrame | null {
    return eventFrame(ids.write(tenantId, created, seq), data)
  }

  return { started, listeners, frameOf, position: tail.position, lastPassed: () => lastPassed, close: tail.close }
}
