import type { AuditFilters } from '@memoric/contracts/audit-contract.ts'
import { EVENT_TYPES, severityOf } from '@memoric/contracts/event-types.ts'
import { isAtLeast } from '@memoric/contracts/severity.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { PendingQuery, Row } from 'postgres'

export type Condition = PendingQuery<Row[]>

/** One way to the lines that a query is about: by an index that has them in the order of the log. */
export interface LogPath {
  /** Only lines of these operations; each has its own place in the index. */
  readonly operations: readonly string[] | null
  /** Led by `and`. */
  readonly condition: Condition
}

const TYPES = Object.keys(EVENT_TYPES)
const RESOURCE_OF = new Map<string, string>(Object.entries(EVENT_TYPES).map(([type, { resource }]) => [type, resource]))
const RESOURCES = new Set(RESOURCE_OF.values())

/** The ways to the lines of a query, which together give all of them, some twice. */
export function pathsOf(tx: Tx, query: AuditFilters): LogPath[] {
  const operations = operationsOf(query)
  const { resource } = query
  if (resource === undefined) return [{ operations, condition: tx`` }]
  const byId = { operations, condition: tx`and resource_id = ${resource}` }
  if (RESOURCES.has(resource)) return [{ operations: ofResource(operations, resource), condition: tx`` }, byId]
  const [type, id] = split(resource)
  if (!RESOURCES.has(type)) return [byId]
  return [{ operations, condition: tx`and resource_id = ${id} and resource_type = ${type}` }, byId]
}

/** An id may contain a slash, so `type/id` counts only after a type that exists. */
function split(resource: string): [type: string, id: string] {
  const slash = Math.max(resource.indexOf('/'), 0)
  return [resource.slice(0, slash), resource.slice(slash + 1)]
}

function ofResource(operations: readonly string[] | null, resource: string): string[] {
  return (operations ?? TYPES).filter((type) => RESOURCE_OF.get(type) === resource)
}

/** Operations that a query asks for by name, by how they begin, and by severity; null where it does not. */
export function operationsOf({ operation, severity }: Pick<AuditFilters, 'operation' | 'severity'>): string[] | null {
  if (operation === undefined && severity === undefined) return null
  const named = operation === undefined ? TYPES : namedBy(operation)
  return severity === undefined ? named : named.filter((type) => isAtLeast(severityOf(type), severity))
}

function namedBy(operation: string): string[] {
  if (!operation.endsWith('*')) return [operation]
  return TYPES.filter((type) => type.startsWith(operation.slice(0, -1)))
}

/** The conditions of a query that are the same on every path, each led by `and`. */
export function filterOf(tx: Tx, tenantId: string, query: AuditFilters): Condition {
  const conditions = [
    query.actor !== undefined && tx`and actor_id = ${query.actor}`,
    query.outcome !== undefined && outcomeIs(tx, query.outcome),
    (query.from !== undefined || query.to !== undefined) && occurred(tx, tenantId, query),
    query.request_id !== undefined && tx`and request_id = ${query.request_id}`,
    query.q !== undefined && mentions(tx, query.q),
  ]
  return conditions.reduce<Condition>((all, one) => (one === false ? all : tx`${all} ${one}`), tx``)
}

/** Not as parameters: the index of failures is partial. */
function outcomeIs(tx: Tx, outcome: NonNullable<AuditFilters['outcome']>): Condition {
  if (outcome === 'failure') return tx`and outcome = 'failure'`
  return outcome === 'denied' ? tx`and outcome = 'denied'` : tx`and outcome = 'success'`
}

/**
 * Between two times. The bounds of tenant_seq let every index begin and end at the right place, in every partition. The event id
 * is not asked for: its index has the lines in another order, and choosing it means sorting all of them.
 */
function occurred(tx: Tx, tenantId: string, query: AuditFilters): Condition {
  const from = new Date(query.from ?? '0001-01-01T00:00:00Z')
  const to = new Date(query.to ?? '9999-12-31T23:59:59.999Z')
  const slots = tx`from audit_slots
    where tenant_id = ${tenantId} and slot > ${from}::timestamptz - interval '10 minutes' and slot < ${to}`
  return tx`
    and occurred_at >= ${from} and occurred_at < ${to}
    and tenant_seq >= (select min(first_seq) ${slots}) and tenant_seq <= (select max(last_seq) ${slots})`
}

function mentions(tx: Tx, text: string): Condition {
  const pattern = `%${text.replace(/[\\%_]/g, '\\$&')}%`
  return tx`and (operation ilike ${pattern} or actor_id ilike ${pattern} or resource_type ilike ${pattern}
    or resource_id ilike ${pattern} or reason ilike ${pattern})`
}
