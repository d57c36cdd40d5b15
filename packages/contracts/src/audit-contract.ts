import { z } from 'zod'
import { eventId, tenantId } from './ids.ts'
import { page, pageQuery } from './page.ts'
import { byteStream, type Route } from './route.ts'
import { severity } from './severity.ts'
import { jsonValue, text, timestamp } from './text.ts'

export const outcome = z.enum(['success', 'failure', 'denied'])
export type Outcome = z.infer<typeof outcome>

/** One line of the audit log. Personal data is opened for readers with audit:read until its key is destroyed. */
export const auditLog = z
  .object({
    log_index: z.int(),
    event_id: eventId,
    tenant_id: tenantId,
    tenant_seq: z.int(),
    occurred_at: timestamp,
    received_at: timestamp,
    source: z.string(),
    actor_type: z.string(),
    actor_id: z.string().nullable(),
    operation: z.string(),
    severity: severity.describe('how much attention the operation asks for'),
    resource_type: z.string().nullable(),
    resource_id: z.string().nullable(),
    outcome,
    reason: z.string().nullable(),
    endpoint: z.string().nullable(),
    method: z.string().nullable(),
    status_code: z.int().nullable(),
    duration_ms: z.number().nullable(),
    request_id: z.string().nullable(),
    details: z.record(z.string(), jsonValue),
    ip_address: z.string().nullable(),
    user_agent: z.string().nullable(),
    email: z.string().nullable(),
  })
  .meta({ id: 'AuditLog' })
export type AuditLog = z.input<typeof auditLog>

/** A SHA-256 hash, standard base64 (RFC 4648 section 4). */
export const hashText = z
  .string()
  .regex(/^[A-Za-z0-9+/]{43}=$/)
  .describe('SHA-256, base64')

/** Hashes of the complete subtrees over leaves that an export leaves out, from left to right (docs/audit.md). */
const skipped = z.array(hashText).max(128)

/** First line of an export of the log as NDJSON. */
export const auditExportHeader = z.strictObject({
  format: z.literal('memoric-audit-export/1'),
  checkpoint: z.string().describe('signed C2SP checkpoint; the lines and what they skip give its root'),
  tenant_id: tenantId.nullable().describe('null for the whole log'),
  complete: z.boolean().describe('whether no filter left out lines of the tenant'),
})
export type AuditExportHeader = z.input<typeof auditExportHeader>

/** Every following line but the last: one line of the log, in the order of log_index. */
export const auditExportLine = z.strictObject({
  log_index: z.int().min(0),
  canonical: z.string().describe('the leaf: its UTF-8 bytes are what is hashed'),
  leaf_hash: hashText.describe('hash of the leaf as it lies in the tree'),
  skip: skipped.optional().describe('what lies between the line before and this one'),
  personal: z
    .strictObject({
      salt: z.string().describe('32 bytes, base64'),
      ip_address: z.string().nullable(),
      user_agent: z.string().nullable(),
      email: z.string().nullable(),
    })
    .nullable()
    .optional()
    .describe('what the commitment in the leaf is about, while it can be opened'),
})
export type AuditExportLine = z.input<typeof auditExportLine>

/** Last line: an export without it was cut off. */
export const auditExportTrailer = z.strictObject({
  lines: z.int().min(0),
  skip: skipped.describe('what lies between the last line and the size of the checkpoint'),
})
export type AuditExportTrailer = z.input<typeof auditExportTrailer>

const filters = {
  actor: text(128).optional().describe('id of the user or key that acted'),
  operation: text(128).optional().describe('e.g. memory.created; a trailing * matches all that begin so'),
  resource: text(256).optional().describe('resource type, resource id, or type/id'),
  outcome: outcome.optional(),
  severity: severity.optional().describe('this one or a greater one'),
  from: timestamp.optional().describe('occurred at or after'),
  to: timestamp.optional().describe('occurred before'),
  request_id: text(128).optional(),
  q: text(128).optional().describe('part of the operation, the actor, the resource or the reason'),
}
export type AuditFilters = z.output<z.ZodObject<typeof filters>>

export const listAuditLogsQuery = z.strictObject({
  ...pageQuery,
  cursor: pageQuery.cursor.describe('next_cursor or previous_cursor of a page with the same query'),
  order: z.enum(['newest', 'oldest']).default('newest').describe('which lines come first'),
  ...filters,
})
export type ListAuditLogsQuery = z.output<typeof listAuditLogsQuery>

export const exportAuditLogsQuery = z.strictObject({
  format: z.enum(['ndjson', 'csv', 'ocsf']).default('ndjson').describe('ocsf: events of OCSF 1.3, one a line'),
  ...filters,
})
export type ExportAuditLogsQuery = z.output<typeof exportAuditLogsQuery>

export const auditLogPage = page(auditLog).extend({
  previous_cursor: z.string().nullable().describe('leads back; null on the first page'),
})

/** Days that statistics may be about at most. */
export const MAX_STATISTICS_DAYS = 92

const day = z.iso.date().refine((value) => value >= '2000-01-01', { error: 'must not be before 2000' })

export const auditStatisticsQuery = z.strictObject({
  from: day.optional().describe('first day, UTC; 30 days before the last one when left out'),
  to: day.optional().describe('last day, UTC; today when left out'),
  operation: text(128).optional().describe('e.g. memory.created; a trailing * matches all that begin so'),
})

export const auditStatistics = z
  .object({
    from: z.iso.date(),
    to: z.iso.date(),
    events: z.int(),
    items: z.array(z.object({ day: z.iso.date(), operation: z.string(), severity, outcome, events: z.int() })),
  })
  .meta({ id: 'AuditStatistics' })

export const auditRoutes = {
  listAuditLogs: {
    method: 'GET',
    path: '/v1/audit/logs',
    app: 'audit',
    access: 'audit:read',
    rate: 'read',
    summary: 'The audit log of the tenant, newest first unless asked otherwise',
    query: listAuditLogsQuery,
    responses: { 200: auditLogPage },
  },
  exportAuditLogs: {
    method: 'GET',
    path: '/v1/audit/export',
    app: 'audit',
    access: 'audit:read',
    rate: 'read',
    summary: 'The audit log of the tenant as a file, oldest line first',
    description:
      'It ends at the line that was the last when it began. Lines of NDJSON are those of AuditExportLine, with what it takes to verify them without a network.',
    query: exportAuditLogsQuery,
    stream: ['application/x-ndjson', 'text/csv'],
    responses: { 200: byteStream },
  },
  getAuditStatistics: {
    method: 'GET',
    path: '/v1/audit/statistics',
    app: 'audit',
    access: 'audit:read',
    rate: 'read',
    summary: 'How many lines the log has, by day, operation and outcome',
    query: auditStatisticsQuery,
    responses: { 200: auditStatistics },
  },
} as const satisfies Record<string, Route>
