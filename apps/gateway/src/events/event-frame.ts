import type { MemoricEvent } from '@memoric/contracts/event.ts'
import {
  END_REASONS,
  type EndReason,
  GAP_REASONS,
  type GapReason,
  STREAM_NOTICES,
} from '@memoric/contracts/event-stream-contract.ts'

/** An event as it is sent, and what filters look at. */
export interface EventFrame {
  readonly type: string
  readonly resourceType: string | null
  readonly resourceId: string | null
  /** A server-sent event. */
  readonly bytes: Buffer
}

export const HEARTBEAT = Buffer.from(': still here\n\n')

/** The server-sent event of a message, without what is sealed for audit; null for what is no event. */
export function eventFrame(id: string, data: Uint8Array): EventFrame | null {
  const event = parse(data)
  if (event === null) return null
  const { personal: _sealed, ...rest } = event.data
  const { resource_type: resourceType, resource_id: resourceId } = rest
  const bytes = Buffer.from(`id: ${id}\ndata: ${JSON.stringify({ ...event, data: rest })}\n\n`)
  return { type: event.type, resourceType, resourceId, bytes }
}

export function gapFrame(reason: GapReason): Buffer {
  return notice(STREAM_NOTICES.gap, { reason, detail: GAP_REASONS[reason] })
}

export function endFrame(reason: EndReason): Buffer {
  return notice(STREAM_NOTICES.end, { reason, detail: END_REASONS[reason] })
}

/** What comes first: that the stream is open, and after how many ms to connect again; not everybody at once. */
export function openingFrame(): Buffer {
  return Buffer.from(`retry: ${2000 + Math.floor(Math.random() * 2000)}\n: events follow\n\n`)
}

function notice(name: string, data: object): Buffer {
  return Buffer.from(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`)
}

/** What is in the stream was published by one of our services, but may be poison. */
function parse(data: Uint8Array): MemoricEvent | null {
  try {
    const value = JSON.parse(Buffer.from(data).toString()) as { type?: unknown; data?: unknown } | null
    const isEvent = typeof value?.type === 'string' && typeof value.data === 'object' && value.data !== null
    return isEvent ? (value as MemoricEvent) : null
  } catch {
    return null
  }
}
