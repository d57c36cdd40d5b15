import type { SubscribeEventsQuery } from '@memoric/contracts/event-stream-contract.ts'
import type { EventFrame } from './event-frame.ts'

export type EventFilter = (frame: EventFrame) => boolean

/** What a subscriber asks for; the same words as in the filters of the audit log. */
export function createEventFilter({ type, resource }: Pick<SubscribeEventsQuery, 'type' | 'resource'>): EventFilter {
  return (frame) => isType(frame, type) && isResource(frame, resource)
}

function isType(frame: EventFrame, wanted: string | undefined): boolean {
  if (wanted === undefined) return true
  return wanted.endsWith('*') ? frame.type.startsWith(wanted.slice(0, -1)) : frame.type === wanted
}

function isResource({ resourceType, resourceId }: EventFrame, wanted: string | undefined): boolean {
  if (wanted === undefined) return true
  return [resourceType, resourceId, `${resourceType}/${resourceId}`].includes(wanted)
}
