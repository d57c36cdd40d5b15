import type { EventType } from '@memoric/contracts/event-types.ts'
import type { JsonValue } from '@memoric/contracts/text.ts'
import type { OutboxEvent } from '@memoric/service/event-factory.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import type { NoteRow } from './note-row.ts'

/** What a change of a note tells: no name, no word. */
export function noteEvent(
  { events }: Pick<MemoryDeps, 'events'>,
  context: RequestContext,
  type: EventType,
  statusCode: number,
  row: Pick<NoteRow, 'id' | 'subject_id' | 'namespace' | 'version'>,
  more: Record<string, JsonValue> = {},
): OutboxEvent {
  const { subject_id, namespace, version } = row
  return events({ type, context, resourceId: row.id, statusCode, details: { subject_id, namespace, version, ...more } })
}
