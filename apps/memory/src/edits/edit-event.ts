import type { OutboxEvent } from '@memoric/service/event-factory.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import type { EditRow } from './edit-row.ts'

/** Tells what became of an edit. */
export function editEvent(
  deps: Pick<MemoryDeps, 'events'>,
  context: RequestContext,
  { id, memory_id, memory_version, subject_id, namespace, operation, factor, status }: EditRow,
): OutboxEvent {
  return deps.events({
    type: `edit.${status}`,
    context,
    resourceId: id,
    statusCode: status === 'proposed' ? 201 : 200,
    details: { memory_id, version: memory_version, subject_id, namespace, operation, factor },
  })
}
