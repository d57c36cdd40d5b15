import type { TenantId } from '@memoric/contracts/ids.ts'
import type { OutboxEvent } from '@memoric/service/event-factory.ts'
import { serviceContext } from '../service-context.ts'
import type { RebuildReason } from './index-part.ts'
import type { SearchDeps } from './search-deps.ts'
import type { SubjectPlace } from './segment-repository.ts'

/** Tells that segments were of no use, or that `actor` asked for new ones, and how many rows went. */
export function rebuiltEvent(
  { events }: Pick<SearchDeps, 'events'>,
  { tenantId, subjectId }: SubjectPlace,
  reason: RebuildReason | 'requested',
  replaced: number,
  actor?: string,
): OutboxEvent {
  return events({
    type: 'index.rebuilt',
    // A tenant of our own rows.
    context: serviceContext(tenantId as TenantId, 'search index'),
    resourceId: subjectId,
    statusCode: null,
    reason,
    details: { segments: replaced },
    ...(actor !== undefined && { actor }),
  })
}
