import { AUDIT_EVENTS } from './audit-event-types.ts'
import { AUTH_EVENTS } from './auth-event-types.ts'
import { CONTINUITY_EVENTS } from './continuity-event-types.ts'
import type { EventDescription } from './event-description.ts'
import { MEMORY_EVENTS } from './memory-event-types.ts'
import { PRIVACY_EVENTS } from './privacy-event-types.ts'
import type { Severity } from './severity.ts'

/** Every event that Memoric emits: `<entity>.<verb in the past tense>`, what it tells, and which app emits it. */
export const EVENT_TYPES = {
  ...MEMORY_EVENTS,
  ...CONTINUITY_EVENTS,
  ...PRIVACY_EVENTS,
  ...AUTH_EVENTS,
  ...AUDIT_EVENTS,
} as const satisfies Record<string, EventDescription>

export type EventType = keyof typeof EVENT_TYPES

export function isEventType(type: string): type is EventType {
  return Object.hasOwn(EVENT_TYPES, type)
}

const described: Readonly<Record<string, EventDescription>> = EVENT_TYPES

/** How much attention an event asks for; `info` for a type that is not known. */
export function severityOf(type: string): Severity {
  return (Object.hasOwn(described, type) ? described[type]?.severity : undefined) ?? 'info'
}
