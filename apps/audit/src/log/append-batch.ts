import type { MemoricEvent, PersonalData } from '@memoric/contracts/event.ts'
import { traceIdOf, traceparentOf } from '@memoric/contracts/trace-context.ts'
import { canonicalJson } from '@memoric/crypto/canonical-json.ts'
import type { ActorKey } from '../personal/actor-keys.ts'
import { personOf } from '../personal/person-of.ts'
import { sealPersonal } from '../personal/seal-personal.ts'
import type { AcceptedEvent } from './read-event.ts'

/** A line of the log before its place in it is known. */
export interface LogEntry {
  readonly eventId: string
  readonly tenantId: string
  readonly occurredAt: Date
  readonly source: string
  readonly actorType: string
  readonly actorId: string | null
  readonly operation: string
  readonly resourceType: string | null
  readonly resourceId: string | null
  readonly outcome: string
  readonly reason: string | null
  readonly endpoint: string | null
  readonly method: string | null
  readonly statusCode: number | null
  readonly durationMs: number | null
  readonly requestId: string | null
  /** RFC 8785 JSON. */
  readonly details: string
}

/** The personal data of one event, sealed under the key of its actor. */
export interface SealedPersonal {
  readonly tenantId: string
  readonly eventId: string
  readonly actor: string
  readonly keyId: string
  readonly sealed: Buffer
  /** What the leaf says of it. */
  readonly commitment: string
}

export interface PreparedEvent {
  readonly entry: LogEntry
  readonly personal: SealedPersonal | null
}

/** Whose key an actor's personal data is sealed under. */
export interface ActorRef {
  readonly tenantId: string
  readonly actor: string
}

/** Each event once, the first delivery of it. */
export function distinctEvents(accepted: readonly AcceptedEvent[]): AcceptedEvent[] {
  const seen = new Map<string, AcceptedEvent>()
  for (const one of accepted) {
    const id = `${one.event.tenantid} ${one.event.id}`
    if (!seen.has(id)) seen.set(id, one)
  }
  return [...seen.values()]
}

/** The persons of a batch whose keys are needed, each once. */
export function actorsOf(accepted: readonly AcceptedEvent[]): ActorRef[] {
  const actors = new Map<string, ActorRef>()
  for (const { event, personal } of accepted) {
    const person = { tenantId: event.tenantid, actor: personOf(event) }
    if (hasAny(personal)) actors.set(`${person.tenantId} ${person.actor}`, person)
  }
  return [...actors.values()]
}

/** What goes into the tables for one event; `keyOf` gives the key of an actor that `actorsOf` named. */
export function prepareEvent({ event, personal }: AcceptedEvent, keyOf: (actor: ActorRef) => ActorKey): PreparedEvent {
  return { entry: toEntry(event), personal: hasAny(personal) ? seal(event, personal, keyOf) : null }
}

function hasAny(personal: PersonalData | null): personal is PersonalData {
  return personal !== null && Object.values(personal).some((value) => value !== null)
}

function seal(event: MemoricEvent, personal: PersonalData, keyOf: (actor: ActorRef) => ActorKey): SealedPersonal {
  const place = { tenantId: event.tenantid, actor: personOf(event), eventId: event.id }
  const { keyId, key } = keyOf(place)
  return { ...place, keyId, ...sealPersonal(key, place, personal) }
}

function toEntry({ id, tenantid, time, source, actor, type, traceparent, data }: MemoricEvent): LogEntry {
  return {
    eventId: id,
    tenantId: tenantid,
    occurredAt: new Date(time),
    source,
    ...actorParts(actor),
    operation: type,
    resourceType: data.resource_type,
    resourceId: data.resource_id,
    outcome: data.outcome,
    reason: data.reason,
    endpoint: data.endpoint,
    method: data.method,
    statusCode: data.status_code,
    durationMs: data.duration_ms,
    requestId: data.request_id,
    details: canonicalJson({ ...data.details, ...traceOf(traceparent, data.request_id) }),
  }
}

/** The trace that a client named; any other is known by the request id. */
function traceOf(traceparent: string | undefined, requestId: string | null): { trace_id?: string } {
  if (traceparent === undefined || traceparent === traceparentOf(requestId ?? '')) return {}
  return { trace_id: traceIdOf(traceparent) }
}

/** `<type>:<id>`; an actor without an id, such as somebody not signed in, has a type only. */
function actorParts(actor: string): Pick<LogEntry, 'actorType' | 'actorId'> {
  const colon = actor.indexOf(':')
  if (colon === -1) return { actorType: actor, actorId: null }
  return { actorType: actor.slice(0, colon), actorId: actor.slice(colon + 1) || null }
}
