import type { EventFactory } from '@memoric/service/event-factory.ts'
import type { JsonValue } from '@memoric/contracts/text.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { ExportRow } from './export-repository.ts'

type ExportEventType = 'export.requested' | 'export.made' | 'export.failed' | 'export.downloaded' | 'export.expired'

const STATUS: Readonly<Record<ExportEventType, number | null>> = {
  'export.requested': 202,
  'export.made': null,
  'export.failed': null,
  'export.downloaded': 200,
  'export.expired': null,
}

/** An event of an export; it says whose memories are in it and whether downloads are encrypted. */
export function exportEvent(
  { events }: { readonly events: EventFactory },
  type: ExportEventType,
  context: RequestContext,
  { tenant_id, id, subject_id, age_recipient }: ExportRow,
  { more = {}, reason }: { readonly more?: Record<string, JsonValue>; readonly reason?: string } = {},
) {
  return events({
    type,
    context,
    tenantId: tenant_id,
    resourceId: id,
    statusCode: STATUS[type],
    outcome: type === 'export.failed' ? 'failure' : 'success',
    ...(reason !== undefined && { reason }),
    details: { subject_id, encrypted: age_recipient !== null, ...more },
  })
}
