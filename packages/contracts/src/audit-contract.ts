import { z } from 'zod'
import { eventId, tenantId } from './ids.ts'
import { page, pageQuery } from './page.ts'
import type { Route } from './route.ts'
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

export const listAuditLogsQuery = z.strictObject({
  ...pageQuery,
  actor: text(128).optional().describe('id of the user or key that acted'),
  operation: text(128).optional().describe('e.g. memory.created; a trailing * matches all that begin so'),
  resource: text(256).optional().describe('resource type, resource id, or type/id'),
  outcome: outcome.optional(),
  from: timestamp.optional().describe('occurred at or after'),
  to: timestamp.optional().describe('occurred before'),
  request_id: text(128).optional(),
  q: text(128).optional().describe('part of the operation, the actor, the resource or the reason'),
})
export type ListAuditLogsQuery = z.output<typeof listAuditLogsQuery>

export const auditRoutes = {
  listAuditLogs: {
    method: 'GET',
    path: '/v1/audit/logs',
    app: 'audit',
    access: 'audit:read',
    rate: 'read',
    summary: 'The audit log of the tenant, newest first',
    query: listAuditLogsQuery,
    responses: { 200: page(auditLog) },
  },
} as const satisfies Record<string, Route>
