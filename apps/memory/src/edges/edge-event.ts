import type { OutboxEvent } from '@memoric/service/event-factory.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import type { EdgeRow } from './edge-row.ts'

const STATUS = { created: 201, deleted: 204 } as const

/** What was linked, and how; nothing of the properties. */
export function edgeEvent(
  { events }: Pick<MemoryDeps, 'events'>,
  context: RequestContext,
  row: EdgeRow,
  verb: keyof typeof STATUS,
): OutboxEvent {
  const { subject_id, to_subject_id, from_id, to_id } = row
  const details = { subject_id, to_subject_id, from: from_id, to: to_id, edge_type: row.type }
  return events({ type: `edge.${verb}`, context, resourceId: row.id, statusCode: STATUS[verb], details })
}
