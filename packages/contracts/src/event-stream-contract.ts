import { z } from 'zod'
import { byteStream, type Route } from './route.ts'
import { queryInteger, text } from './text.ts'

/** What the stream of events says beside events; each is a server-sent event of this name. */
export const STREAM_NOTICES = {
  /** Events before this place may be missing. */
  gap: 'memoric.gap',
  /** Nothing follows; the data says why. */
  end: 'memoric.end',
} as const

/** Why events may be missing. */
export const GAP_REASONS = {
  too_old: 'events after the Last-Event-ID are no longer kept; what is kept follows',
  stream_replaced: 'the stream was made anew; what it holds follows',
  unknown_id: 'the Last-Event-ID cannot be read any more; what happens from now on follows',
} as const
export type GapReason = keyof typeof GAP_REASONS

/** Why a stream ended. */
export const END_REASONS = {
  too_slow: 'the client took too long to read; connect again with the Last-Event-ID',
  credential_ended: 'the credential was revoked, has expired, or may no longer subscribe',
  time_over: 'max_seconds are over',
  shutdown: 'the gateway stops; connect again',
} as const
export type EndReason = keyof typeof END_REASONS

export const subscribeEventsQuery = z.strictObject({
  type: text(128).optional().describe('only this type; a trailing * matches all that begin so, e.g. memory.*'),
  resource: text(256).optional().describe('only about this: a resource type, a resource id, or type/id'),
  max_seconds: queryInteger(1, 86_400)
    .optional()
    .describe('ends the stream after this time; it has no end when left out'),
})
export type SubscribeEventsQuery = z.output<typeof subscribeEventsQuery>

/** Events of a tenant as they happen. */
export const eventStreamRoutes = {
  subscribeEvents: {
    method: 'GET',
    path: '/v1/events',
    app: 'gateway',
    access: 'events:subscribe',
    rate: 'read',
    summary: 'The events of the tenant as they happen, as server-sent events',
    description:
      'Each message is a CloudEvents envelope without personal data. The id of a message, sent back as Last-Event-ID, makes the stream go on after it, up to seven days later. Credentials that are limited to subjects or namespaces cannot subscribe: events are those of the whole tenant.',
    query: subscribeEventsQuery,
    headers: z.object({
      'last-event-id': z
        .string()
        .regex(/^[A-Za-z0-9_-]{22}$/, { error: 'must be the id of a message of the stream' })
        .optional(),
    }),
    stream: ['text/event-stream'],
    responses: { 200: byteStream },
  },
} as const satisfies Record<string, Route>
