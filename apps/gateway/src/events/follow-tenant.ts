import type { GapReason } from '@memoric/contracts/event-stream-contract.ts'
import { tenantEventSubjects } from '@memoric/contracts/subjects.ts'
import type { Messaging } from '@memoric/messaging/connect.ts'
import { type StreamPlace, streamPlace } from '@memoric/messaging/follow-events.ts'
import { readEvents } from '@memoric/messaging/read-events.ts'
import type { EventFilter } from './event-filter.ts'
import { gapFrame } from './event-frame.ts'
import type { EventIds } from './event-ids.ts'
import type { Subscriber } from './subscriber.ts'
import { type Listener, NATS_USER, type TenantTail } from './tenant-tail.ts'

export interface FollowOptions {
  readonly messaging: Messaging
  readonly ids: EventIds
  readonly tail: TenantTail
  readonly tenantId: string
  readonly subscriber: Subscriber
  readonly matches: EventFilter
  /** Null to begin with what happens from now on. */
  readonly lastEventId: string | null
}

interface Begin {
  /** Null for the live end. */
  readonly after: number | null
  readonly gap?: GapReason
}

/**
 * Sends a subscriber the events after the one that it had last: those that are kept from a reader of its own, until it has come as
 * far as the tail of the tenant, which it listens to from then on. Returns what ends listening.
 */
export async function followTenant(options: FollowOptions): Promise<() => void> {
  const { tail, subscriber, matches } = options
  const place = await tail.started
  const { after, gap } = await beginOf(options, place)
  if (gap !== undefined) subscriber.send(gapFrame(gap))
  let position = after === null ? tail.position() : await catchUp(options, after)
  const listener: Listener = {
    onFrame(seq, frame) {
      if (seq <= position) return
      position = seq
      if (matches(frame)) subscriber.send(frame.bytes)
    },
    onNotice(bytes) {
      position = 0
      subscriber.send(bytes)
    },
  }
  tail.listeners.add(listener)
  return () => tail.listeners.delete(listener)
}

async function beginOf({ messaging, ids, tenantId, lastEventId }: FollowOptions, started: StreamPlace): Promise<Begin> {
  if (lastEventId === null) return { after: null }
  const connection = messaging.connection()
  const { created, first, last } = connection === undefined ? started : await streamPlace(connection)
  const known = ids.read(tenantId, created, lastEventId)
  if (known === undefined) return { after: null, gap: 'unknown_id' }
  if (!known.isCurrent || known.seq > last) return { after: Math.max(0, first - 1), gap: 'stream_replaced' }
  return known.seq + 1 < first ? { after: first - 1, gap: 'too_old' } : { after: known.seq }
}

/** Resolves to the position that was reached: nothing lies between it and what the tail passes on next. */
async function catchUp(options: FollowOptions, after: number): Promise<number> {
  const { messaging, tail, tenantId, subscriber, matches } = options
  let position = after
  const subject = tenantEventSubjects(tenantId)
  // The tail stands where it began, maybe after the last message of this tenant: what it passed on meanwhile is in the stream.
  const isEnd = (reached: number) => subscriber.hasEnded() || tail.lastPassed() <= reached
  while (!subscriber.hasEnded()) {
    const connection = await messaging.connected()
    try {
      for await (const message of readEvents(connection, { user: NATS_USER, subject, after: position, isEnd })) {
        position = message.seq
        const frame = tail.frameOf(message)
        if (frame !== null && matches(frame)) subscriber.send(frame.bytes)
        await subscriber.drained()
        if (subscriber.hasEnded()) break
      }
      return position
    } catch (error) {
      messaging.log.info({ err: error }, 'catching up with events was interrupted')
    }
  }
  return position
}
