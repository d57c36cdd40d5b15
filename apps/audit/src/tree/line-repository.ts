import type { Tx } from '@memoric/postgres/lease.ts'
import type { StoredLine } from './canonical-line.ts'

/** Lines from a place of the log on, in its order; those that share a place come together. */
export async function linesFrom(tx: Tx, first: number, limit: number): Promise<readonly StoredLine[]> {
  return await tx<StoredLine[]>`
    select ${columns(tx)} from audit_logs where log_index >= ${first} order by log_index
    fetch first ${limit} rows with ties`
}

/** Lines at the places from `first` to before `end`, in their order. */
export async function linesBetween(tx: Tx, first: number, end: number): Promise<readonly StoredLine[]> {
  return await tx<StoredLine[]>`
    select ${columns(tx)} from audit_logs where log_index >= ${first} and log_index < ${end} order by log_index`
}

/** The line of an event of a tenant. */
export async function findLine(tx: Tx, tenantId: string, eventId: string): Promise<StoredLine | undefined> {
  const [line] = await tx<StoredLine[]>`
    select ${columns(tx)} from audit_logs where tenant_id = ${tenantId} and event_id = ${eventId} limit 1`
  return line
}

function columns(tx: Tx) {
  return tx`
    log_index, event_id, tenant_id, tenant_seq, occurred_at, received_at, source, actor_type, actor_id, operation,
    resource_type, resource_id, outcome, reason, endpoint, method, status_code, duration_ms, request_id, details, canonical`
}
