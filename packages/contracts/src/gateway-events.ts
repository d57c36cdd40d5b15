import { z } from 'zod'
import { caller } from './caller.ts'
import { eventId } from './ids.ts'

const HASH = /^[A-Za-z0-9+/]{43}=$/

const happened = {
  id: eventId.describe('of the event, so that one which comes twice is kept once'),
  at: z.int().min(0),
}

/** What a gateway tells of itself. It owns no database, so auth keeps these events for it. */
export const gatewayEvent = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('started'),
    configuration: z.record(z.string().max(64), z.string().regex(HASH)).describe('SHA-256 of the value, by variable'),
  }),
  z.strictObject({ kind: z.literal('stopped') }),
  z.strictObject({
    kind: z.literal('subscribed'),
    ...happened,
    caller,
    filters: z.array(z.string().max(32)).max(8),
    resumed: z.boolean(),
  }),
])
export type GatewayEvent = z.infer<typeof gatewayEvent>

export const MAX_GATEWAY_EVENTS = 100
export const gatewayEventsBody = z.strictObject({ events: z.array(gatewayEvent).min(1).max(MAX_GATEWAY_EVENTS) })

/** Path of the endpoint of auth that keeps what a gateway tells; internal, never routed by the gateway. */
export const GATEWAY_EVENTS_PATH = '/internal/gateway-events'
