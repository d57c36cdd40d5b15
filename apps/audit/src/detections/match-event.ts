import type { Match } from '@memoric/contracts/detections.ts'
import type { SeenEvent } from './seen-event.ts'

/** Whether one of the descriptions is that of the event. */
export function isOneOf(matches: readonly Match[], event: SeenEvent): boolean {
  return matches.some((match) => isMatch(match, event))
}

function isMatch({ on, status, detail, actors }: Match, event: SeenEvent): boolean {
  if (on !== '*' && !(on as readonly string[]).includes(event.operation)) return false
  if (actors !== undefined && !(event.actorId !== null && actors.includes(event.actorType))) return false
  if (status !== undefined && !(event.status !== null && status.includes(event.status))) return false
  return detail === undefined || textsOf(event.details[detail.name]).some((text) => detail.anyOf.includes(text))
}

function textsOf(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value]).filter((one) => typeof one === 'string')
}
