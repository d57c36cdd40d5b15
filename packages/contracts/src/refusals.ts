import { z } from 'zod'
import { principal } from './caller.ts'
import { eventId, tenantId } from './ids.ts'

/** The app whose events refusals are. It owns no database, so auth keeps them for it. */
export const REFUSING_APP = 'gateway'

/** What the gateway tells of. */
export const REFUSAL_TYPES = [
  'auth.token.rejected',
  'auth.key.rejected',
  'authz.denied',
  'rate_limit.exceeded',
  'request.refused',
  'refusals.dropped',
] as const
export type RefusalType = (typeof REFUSAL_TYPES)[number]

/** 9999-12-31T23:59:59.999Z, ms since the epoch. */
const LAST_INSTANT = 253_402_300_799_999

/** Refusals of one kind within a second or so: the first in full, and how many there were. */
export const refusalReport = z.strictObject({
  id: eventId.describe('of the event, so that a report which comes twice is kept once'),
  type: z.enum(REFUSAL_TYPES),
  tenantId,
  principal,
  reason: z.string().max(64).describe('an error code, or why a credential does not stand'),
  resourceId: z.string().max(256).nullable(),
  endpoint: z.string().max(256).nullable().describe('path of the route; null when there is none'),
  method: z.string().max(16).nullable(),
  statusCode: z.int().min(400).max(599).nullable(),
  requestId: z.string().max(128),
  clientAddress: z.string().max(64),
  userAgent: z.string().max(512).nullable(),
  at: z.int().min(0).max(LAST_INSTANT).describe('ms since the epoch'),
  durationMs: z.number().min(0),
  count: z.int().min(1),
})
export type RefusalReport = z.infer<typeof refusalReport>

/** Reports that one request may carry: with the longest values they stay below the limit of a body. */
export const MAX_REFUSALS = 250

export const refusalsBody = z.strictObject({ refusals: z.array(refusalReport).min(1).max(MAX_REFUSALS) })

/**
 * Header of an answer of auth, for the gateway only: why a credential in the request does not stand and whose it is, as JSON (`refusal`
 * of introspection).
 */
export const REFUSAL_HEADER = 'x-memoric-refusal'

/** Path of the endpoint of auth that keeps refusals; internal, never routed by the gateway. */
export const REFUSALS_PATH = '/internal/refusals'
