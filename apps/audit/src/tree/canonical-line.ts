import { canonicalJson } from '@memoric/crypto/canonical-json.ts'

/** Version of the canonical form; it is part of every leaf. */
const FORM = 1

/** All that a leaf of the tree says. */
export interface CanonicalFields {
  readonly logIndex: number
  readonly eventId: string
  readonly tenantId: string
  readonly tenantSeq: number
  readonly occurredAt: Date
  readonly receivedAt: Date
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
  /** Random, so that nobody can guess the leaf behind a hash that they see; null in lines from before the tree. */
  readonly nonce: string | null
  /** Commitment to the personal data beside the line; null where there is none, and in lines from before the tree. */
  readonly commitment: string | null
}

/** The text of a leaf: RFC 8785 JSON. Its members are written in their order here, which is a third of the work of sorting them. */
export function canonicalText(line: CanonicalFields): string {
  return (
    `{"actor_id":${json(line.actorId)},"actor_type":${json(line.actorType)},"details":${line.details},` +
    `"duration_ms":${json(line.durationMs)},"endpoint":${json(line.endpoint)},"event_id":"${line.eventId}","form":${FORM},` +
    `"log_index":${line.logIndex},"method":${json(line.method)},"nonce":${json(line.nonce)},` +
    `"occurred_at":"${line.occurredAt.toISOString()}","operation":${json(line.operation)},"outcome":${json(line.outcome)},` +
    `"personal_commitment":${json(line.commitment)},"reason":${json(line.reason)},` +
    `"received_at":"${line.receivedAt.toISOString()}","request_id":${json(line.requestId)},` +
    `"resource_id":${json(line.resourceId)},"resource_type":${json(line.resourceType)},"source":${json(line.source)},` +
    `"status_code":${json(line.statusCode)},"tenant_id":"${line.tenantId}","tenant_seq":${line.tenantSeq}}`
  )
}

/** A line of audit_logs as the database gives it. */
export interface StoredLine {
  readonly log_index: number
  readonly event_id: string
  readonly tenant_id: string
  readonly tenant_seq: number
  readonly occurred_at: Date
  readonly received_at: Date
  readonly source: string
  readonly actor_type: string
  readonly actor_id: string | null
  readonly operation: string
  readonly resource_type: string | null
  readonly resource_id: string | null
  readonly outcome: string
  readonly reason: string | null
  readonly endpoint: string | null
  readonly method: string | null
  readonly status_code: number | null
  readonly duration_ms: number | null
  readonly request_id: string | null
  readonly details: unknown
  readonly canonical: string | null
}

/** The text of the leaf of a stored line: as it was hashed, or derived for a line from before the tree. */
export function canonicalOf(line: StoredLine): string {
  return line.canonical ?? canonicalFrom(line, { nonce: null, commitment: null })
}

/** The text that the columns of a line give, with what they do not say. */
export function canonicalFrom(line: StoredLine, rest: Pick<CanonicalFields, 'nonce' | 'commitment'>): string {
  return canonicalText({
    logIndex: line.log_index,
    eventId: line.event_id,
    tenantId: line.tenant_id,
    tenantSeq: line.tenant_seq,
    occurredAt: line.occurred_at,
    receivedAt: line.received_at,
    source: line.source,
    actorType: line.actor_type,
    actorId: line.actor_id,
    operation: line.operation,
    resourceType: line.resource_type,
    resourceId: line.resource_id,
    outcome: line.outcome,
    reason: line.reason,
    endpoint: line.endpoint,
    method: line.method,
    statusCode: line.status_code,
    durationMs: line.duration_ms,
    requestId: line.request_id,
    details: canonicalJson(line.details),
    ...rest,
  })
}

/** What RFC 8785 and JSON.stringify agree on: null, finite numbers, well-formed text. */
function json(value: string | number | null): string {
  return JSON.stringify(value)
}
