import { z } from 'zod'
import { outcome } from './audit-contract.ts'
import { isEventType } from './event-types.ts'
import { eventId, tenantId } from './ids.ts'
import { jsonValue } from './text.ts'

/** What every event tells: ids and structural attributes, never content. */
export const eventData = z.strictObject({
  resource_type: z.string().max(64).nullable(),
  resource_id: z.string().max(256).nullable(),
  outcome,
  reason: z.string().max(512).nullable(),
  request_id: z.string().max(128).nullable(),
  endpoint: z.string().max(256).nullable(),
  method: z.string().max(16).nullable(),
  status_code: z.int().nullable(),
  duration_ms: z.number().nullable(),
  details: z.record(z.string(), jsonValue),
  personal: z
    .string()
    .max(8192)
    .nullable()
    .describe('sealed client address, user agent and e-mail, base64; for the audit service only'),
})

/** Largest event, bytes of its JSON. A leaf of the log must stay below 65,536 (C2SP tlog-tiles). */
export const MAX_EVENT_BYTES = 32_768

/** CloudEvents 1.0 in JSON, with the extension attributes tenantid and actor. */
export const event = z
  .strictObject({
    specversion: z.literal('1.0'),
    id: eventId,
    source: z.string().regex(/^memoric\/[a-z]+$/),
    type: z.string().max(128).refine(isEventType, { error: 'is not an event of Memoric' }),
    subject: z.string().max(384).optional().describe('<resource_type>/<resource_id>; left out where it is about none'),
    time: z.iso.datetime(),
    datacontenttype: z.literal('application/json'),
    tenantid: tenantId,
    actor: z.string().max(256).describe('<type>:<id>, e.g. api_key:0198...'),
    traceparent: z.string().max(64).optional(),
    data: eventData,
  })
  .meta({ id: 'Event' })
export type MemoricEvent = z.infer<typeof event>

/** Personal data of an event before it is sealed. */
export const personalData = z.strictObject({
  ip_address: z.string().nullable(),
  user_agent: z.string().nullable(),
  email: z.string().nullable(),
})
export type PersonalData = z.infer<typeof personalData>
