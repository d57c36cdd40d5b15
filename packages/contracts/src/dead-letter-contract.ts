import { z } from 'zod'
import { deadLetterId, uuid } from './ids.ts'
import { page, pageQuery } from './page.ts'
import type { Route } from './route.ts'
import { timestamp } from './text.ts'

/** A message of the event stream that the log does not take. */
export const deadLetter = z
  .object({
    id: deadLetterId,
    event_id: uuid.nullable().describe('under which it was sent'),
    app: z.string().nullable().describe('whose event it is, where it says so'),
    type: z.string().nullable().describe('of the event, where its subject names one'),
    reason: z.string().describe('why the log does not take it'),
    bytes: z.int(),
    deliveries: z.int().describe('how often it came'),
    first_at: timestamp,
    last_at: timestamp,
    replayed_at: timestamp.nullable().describe('when the log took it after all'),
    replayed_by: z.string().nullable().describe('<type>:<id>'),
    emptied_at: timestamp
      .nullable()
      .describe('when its content was destroyed, because it names a person who was erased'),
  })
  .meta({ id: 'DeadLetter' })
export type DeadLetter = z.input<typeof deadLetter>

export const listDeadLettersQuery = z.strictObject({
  ...pageQuery,
  state: z.enum(['waiting', 'replayed']).optional().describe('both when left out'),
})
export type ListDeadLettersQuery = z.output<typeof listDeadLettersQuery>

/** What could not enter the log of a tenant. */
export const deadLetterRoutes = {
  listDeadLetters: {
    method: 'GET',
    path: '/v1/audit/dead-letters',
    app: 'audit',
    access: 'audit:read',
    rate: 'read',
    summary: 'Messages that the log did not take, newest first',
    description: 'Messages that do not say clearly which tenant they are of are shown to the operator alone.',
    query: listDeadLettersQuery,
    responses: { 200: page(deadLetter) },
  },
  replayDeadLetter: {
    method: 'POST',
    path: '/v1/audit/dead-letters/:id/replay',
    app: 'audit',
    access: 'admin:*',
    rate: 'write',
    summary: 'Give a dead letter to the log once more',
    description:
      'For when the reason has gone, such as after an upgrade. One that the log has taken already stays as it is. Of several requests at once one gives it to the log.',
    params: z.strictObject({ id: deadLetterId }),
    responses: { 200: deadLetter },
  },
} as const satisfies Record<string, Route>
