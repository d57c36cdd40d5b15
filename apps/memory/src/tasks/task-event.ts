import type { EventType } from '@memoric/contracts/event-types.ts'
import type { JsonValue } from '@memoric/contracts/text.ts'
import type { OutboxEvent } from '@memoric/service/event-factory.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import type { TaskRow } from './task-row.ts'

/** What a change of a task tells: no name, no word. */
export function taskEvent(
  { events }: Pick<MemoryDeps, 'events'>,
  context: RequestContext,
  type: EventType,
  row: Pick<TaskRow, 'id' | 'subject_id' | 'namespace'>,
  more: Record<string, JsonValue> = {},
  statusCode = 200,
): OutboxEvent {
  const { id, subject_id, namespace } = row
  return events({ type, context, resourceId: id, statusCode, details: { subject_id, namespace, ...more } })
}

/** Who acts, as a task remembers it. */
export function principalOf({ caller: { principal } }: RequestContext): string {
  return `${principal.type}:${principal.id}`
}
