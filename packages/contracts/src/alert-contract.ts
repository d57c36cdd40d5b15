import { z } from 'zod'
import { detectionId } from './detections.ts'
import { alertId, eventId } from './ids.ts'
import { page, pageQuery } from './page.ts'
import type { Route } from './route.ts'
import { severity } from './severity.ts'
import { text, timestamp } from './text.ts'

export const alertState = z.enum(['open', 'acknowledged', 'closed'])
export type AlertState = z.infer<typeof alertState>

/** Something that a detection found. */
export const alert = z
  .object({
    id: alertId,
    detection: detectionId,
    name: z.string(),
    severity,
    state: alertState,
    entity: z
      .object({ type: z.string(), id: z.string().nullable() })
      .describe('what it is about; of an address or an e-mail only a keyed hash, the events of the evidence show it'),
    count: z.int().describe('how often it was found'),
    observed: z.int().describe('what was counted when it was found last'),
    threshold: z.int().nullable(),
    window_seconds: z.int(),
    evidence: z.array(eventId).describe('events that show it, 100 at most: the first and the newest'),
    first_at: timestamp,
    last_at: timestamp,
    raised_at: timestamp,
    acknowledged_by: z.string().nullable().describe('<type>:<id>'),
    acknowledged_at: timestamp.nullable(),
    closed_by: z.string().nullable(),
    closed_at: timestamp.nullable(),
    note: z.string().nullable(),
  })
  .meta({ id: 'Alert' })
export type Alert = z.input<typeof alert>

export const listAlertsQuery = z.strictObject({
  ...pageQuery,
  state: alertState.optional(),
  detection: detectionId.optional(),
  severity: severity.optional().describe('this one or a greater one'),
  from: timestamp.optional().describe('raised at or after'),
  to: timestamp.optional().describe('raised before'),
})

export const updateAlertBody = z
  .strictObject({
    state: z.enum(['acknowledged', 'closed']).optional(),
    note: text(2000).nullable().optional().describe('for people; no detection reads it'),
  })
  .refine(({ state, note }) => state !== undefined || note !== undefined, { error: 'must change something' })
  .meta({ id: 'UpdateAlert' })

/** A detection as it works for a tenant. */
export const detection = z
  .object({
    id: detectionId,
    name: z.string(),
    meaning: z.string(),
    severity,
    sources: z.array(z.string()),
    enabled: z.boolean(),
    threshold: z.int().nullable(),
    unit: z.string().nullable(),
    window_seconds: z.int(),
    standard: z.object({ threshold: z.int().nullable(), window_seconds: z.int() }).describe('where nothing is changed'),
    updated_by: z.string().nullable(),
    updated_at: timestamp.nullable(),
  })
  .meta({ id: 'Detection' })
export type DetectionView = z.input<typeof detection>

export const detectionSettings = z
  .strictObject({
    enabled: z.boolean().default(true),
    threshold: z.int().min(1).max(1_000_000_000).nullable().default(null).describe('null for the standard one'),
    window_seconds: z.int().min(1).max(31_536_000).nullable().default(null).describe('null for the standard one'),
  })
  .meta({ id: 'DetectionSettings' })
export type DetectionSettings = z.output<typeof detectionSettings>

const byId = z.strictObject({ id: alertId })

/** What is noticed in the log, and the alerts about it. */
export const alertRoutes = {
  listAlerts: {
    method: 'GET',
    path: '/v1/audit/alerts',
    app: 'audit',
    access: 'audit:read',
    rate: 'read',
    summary: 'Alerts of the tenant, newest first',
    query: listAlertsQuery,
    responses: { 200: page(alert) },
  },
  getAlert: {
    method: 'GET',
    path: '/v1/audit/alerts/:id',
    app: 'audit',
    access: 'audit:read',
    rate: 'read',
    summary: 'An alert',
    params: byId,
    responses: { 200: alert },
  },
  updateAlert: {
    method: 'PATCH',
    path: '/v1/audit/alerts/:id',
    app: 'audit',
    access: 'admin:*',
    rate: 'write',
    summary: 'Acknowledge or close an alert, or note something about it',
    description:
      'An open alert can be acknowledged or closed, an acknowledged one closed. What is found after it was closed raises another.',
    params: byId,
    body: updateAlertBody,
    responses: { 200: alert },
  },
  listDetections: {
    method: 'GET',
    path: '/v1/audit/detections',
    app: 'audit',
    access: 'audit:read',
    rate: 'read',
    summary: 'What is noticed, and from when on',
    responses: { 200: z.object({ items: z.array(detection) }) },
  },
  updateDetection: {
    method: 'PUT',
    path: '/v1/audit/detections/:id',
    app: 'audit',
    access: 'admin:*',
    rate: 'write',
    summary: 'Change threshold or window of a detection, or switch it on or off',
    params: z.strictObject({ id: detectionId }),
    body: detectionSettings,
    responses: { 200: detection },
  },
} as const satisfies Record<string, Route>
