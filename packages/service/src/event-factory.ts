import { hash } from 'node:crypto'
import type { Outcome } from '@memoric/contracts/audit-contract.ts'
import { MAX_EVENT_BYTES, type MemoricEvent, type PersonalData } from '@memoric/contracts/event.ts'
import { EVENT_TYPES, type EventType } from '@memoric/contracts/event-types.ts'
import type { EventId, TenantId } from '@memoric/contracts/ids.ts'
import { eventSubject } from '@memoric/contracts/subjects.ts'
import type { JsonValue } from '@memoric/contracts/text.ts'
import { traceparentOf } from '@memoric/contracts/trace-context.ts'
import { createSealingKey, sealBox, type SealingKey } from '@memoric/crypto/sealed-box.ts'
import type { RequestContext } from './request-context.ts'
import { uuidV7 } from './uuid-v7.ts'

/** Where an event comes from: a request, or work that nobody asked for over HTTP. */
export interface EventContext extends Omit<RequestContext, 'endpoint' | 'method'> {
  readonly endpoint: string | null
  readonly method: string | null
  /** Who acts, where it is no caller. */
  readonly actor?: string
}

export interface EventInput {
  readonly type: EventType
  readonly context: EventContext
  readonly resourceId: string | null
  /** Null where nothing answered over HTTP. */
  readonly statusCode: number | null
  readonly outcome?: Outcome
  readonly reason?: string
  readonly details?: Record<string, JsonValue>
  /** Tenant of the event where it is not the caller's, such as at registration. */
  readonly tenantId?: TenantId
  /** Who acted, where it is not the caller, such as at sign-in. */
  readonly actor?: string
  readonly email?: string
  /** The id and the time, ms since the epoch, of what happened elsewhere and is told here. */
  readonly happened?: { readonly id: EventId; readonly at: number }
}

/** A row for the outbox. */
export interface OutboxEvent {
  readonly eventId: string
  readonly tenantId: string
  /** NATS subject. */
  readonly subject: string
  /** CloudEvents 1.0 in JSON. */
  readonly payload: string
}

export interface EventFactory {
  (input: EventInput): OutboxEvent
  /** The same event as it would be told with another type and status: for when the database decides which it is. */
  alternatives(input: EventInput, other: Pick<EventInput, 'type' | 'statusCode'>): [OutboxEvent, OutboxEvent]
}

export interface EventFactoryOptions {
  readonly app: string
  /** Key under which address, user agent and e-mail travel to the audit service. */
  readonly personalDataKey: SealingKey
  readonly now?: () => number
}

/** A longer user agent is cut, UTF-16 units: an event that breaks the contract would never reach the log. */
const MAX_USER_AGENT = 512

/** The key under which personal data travels from every app to audit, from PERSONAL_DATA_KEY (32 bytes). */
export function createPersonalDataKey(key: Uint8Array): SealingKey {
  return createSealingKey(1, key)
}

/** AAD of the personal data of an event: it opens for this event only. */
export function personalDataAad(eventId: string): readonly string[] {
  return ['event.personal', eventId]
}

/** Makes the events of one app. Events carry ids and structure; what identifies a person is sealed. */
export function createEventFactory({ app, personalDataKey, now = Date.now }: EventFactoryOptions): EventFactory {
  const begin = (input: EventInput): Beginning => {
    const { id, at } = input.happened ?? { id: uuidV7(), at: now() }
    return { id, time: new Date(at).toISOString(), personal: sealPersonal(personalDataKey, id, input) }
  }
  const create = (input: EventInput): OutboxEvent => eventOf(app, input, begin(input))
  const alternatives = (
    input: EventInput,
    other: Pick<EventInput, 'type' | 'statusCode'>,
  ): [OutboxEvent, OutboxEvent] => {
    const beginning = begin(input)
    return [eventOf(app, input, beginning), eventOf(app, { ...input, ...other }, beginning)]
  }
  return Object.assign(create, { alternatives })
}

interface Beginning {
  readonly id: string
  readonly time: string
  readonly personal: string
}

function eventOf(app: string, input: EventInput, { id, time, personal }: Beginning): OutboxEvent {
  const { caller } = input.context
  const tenantId = input.tenantId ?? caller.tenantId
  const traceparent = caller.traceparent ?? traceparentOf(caller.requestId)
  const event: MemoricEvent = {
    specversion: '1.0',
    id: id as EventId,
    source: `memoric/${app}`,
    type: input.type,
    ...(input.resourceId !== null && { subject: `${EVENT_TYPES[input.type].resource}/${input.resourceId}` }),
    time,
    datacontenttype: 'application/json',
    tenantid: tenantId,
    actor: input.actor ?? input.context.actor ?? `${caller.principal.type}:${caller.principal.id}`,
    ...(traceparent !== undefined && { traceparent }),
    data: eventData(input, personal),
  }
  return { eventId: id, tenantId, subject: eventSubject(tenantId, input.type), payload: fittingJson(event) }
}

/** An event that the log would not take for its size tells how large its details were, and their hash, in their place. */
function fittingJson(event: MemoricEvent): string {
  const json = JSON.stringify(event)
  if (json.length <= MAX_EVENT_BYTES / 3 || Buffer.byteLength(json) <= MAX_EVENT_BYTES) return json
  const details = JSON.stringify(event.data.details)
  const cut = { truncated: true, bytes: Buffer.byteLength(details), sha256: hash('sha256', details) }
  return JSON.stringify({ ...event, data: { ...event.data, details: cut } })
}

function eventData(input: EventInput, personal: string | null): MemoricEvent['data'] {
  const { context } = input
  return {
    resource_type: EVENT_TYPES[input.type].resource,
    resource_id: input.resourceId,
    outcome: input.outcome ?? 'success',
    reason: input.reason ?? context.caller.reason ?? null,
    request_id: context.caller.requestId,
    endpoint: context.endpoint,
    method: context.method,
    status_code: input.statusCode,
    duration_ms: Math.round((performance.now() - context.startedAt) * 100) / 100,
    details: detailsOf(input),
    personal,
  }
}

/** Where an event has a reason of its own, the one that the caller states is beside it. */
function detailsOf({ details = {}, reason, context }: EventInput): Record<string, JsonValue> {
  const stated = context.caller.reason
  return reason === undefined || stated === undefined ? details : { ...details, stated_reason: stated }
}

function sealPersonal(key: SealingKey, eventId: string, { context, email }: EventInput): string {
  const data: PersonalData = {
    // Work that nobody asked for over HTTP comes from no address.
    ip_address: context.caller.clientAddress || null,
    user_agent: context.caller.userAgent?.slice(0, MAX_USER_AGENT).toWellFormed() ?? null,
    email: email ?? null,
  }
  return sealBox(key, personalDataAad(eventId), Buffer.from(JSON.stringify(data))).toString('base64')
}
