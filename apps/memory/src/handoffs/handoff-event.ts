import type { RequestContext } from '@memoric/service/request-context.ts'
import type { OutboxEvent } from '@memoric/service/event-factory.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import type { HandoffRow } from './handoff-row.ts'

const STATUS = { created: 201, corrected: 200, deleted: 204 } as const

/** What a change of a handoff tells: no name, no word. */
export function handoffEvent(
  { events }: Pick<MemoryDeps, 'events'>,
  context: RequestContext,
  row: HandoffRow,
  verb: keyof typeof STATUS,
  changesIdentity: boolean,
): OutboxEvent {
  const { subject_id, namespace, session_id, version, significance } = row
  const details = { subject_id, namespace, session_id, version, significance, changes_identity: changesIdentity }
  return events({ type: `handoff.${verb}`, context, resourceId: row.id, statusCode: STATUS[verb], details })
}
