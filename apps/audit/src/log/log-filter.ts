import type { ListAuditLogsQuery } from '@memoric/contracts/audit-contract.ts'
import { EVENT_TYPES } from '@memoric/contracts/event-types.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { PendingQuery, Row } from 'postgres'
import { CLOCK_SKEW_MS, leastIdOf } from './event-time.ts'

type Condition = PendingQuery<Row[]>

const RESOURCE_TYPES = new Set<string>(Object.values(EVENT_TYPES).map(({ resource }) => resource))

/** Greatest code point: what begins with a prefix sorts below the prefix and this, in the collation "C". */
const LAST = '\u{10ffff}'

/** The conditions of a query as one, each led by `and`. */
export function filterOf(tx: Tx, query: ListAuditLogsQuery): Condition {
  const conditions = [
    query.actor !== undefined && tx`and actor_id = ${query.actor}`,
    query.operation !== undefined && operationIs(tx, query.operation),
    query.resource !== undefined && tx`and ${resourceIs(tx, query.resource)}`,
    query.outcome !== undefined && tx`and outcome = ${query.outcome}`,
    query.from !== undefined && occurredFrom(tx, new Date(query.from)),
    query.to !== undefined && occurredBefore(tx, new Date(query.to)),
    query.request_id !== undefined && tx`and request_id = ${query.request_id}`,
    query.q !== undefined && mentions(tx, query.q),
  ]
  return conditions.reduce<Condition>((all, one) => (one === false ? all : tx`${all} ${one}`), tx``)
}

/** A range, not LIKE: row security keeps LIKE out of index conditions. */
function operationIs(tx: Tx, operation: string): Condition {
  if (!operation.endsWith('*')) return tx`and operation = ${operation}`
  const prefix = operation.slice(0, -1)
  return tx`and operation >= ${prefix} and operation < ${prefix + LAST}`
}

/** An id may contain a slash, so `type/id` counts only after a type that exists; so does a type alone. */
function resourceIs(tx: Tx, resource: string): Condition {
  const slash = resource.indexOf('/')
  const type = resource.slice(0, Math.max(slash, 0))
  const byId = tx`resource_id = ${resource}`
  if (RESOURCE_TYPES.has(resource)) return tx`(resource_type = ${resource} or ${byId})`
  if (!RESOURCE_TYPES.has(type)) return byId
  return tx`((resource_type = ${type} and resource_id = ${resource.slice(slash + 1)}) or ${byId})`
}

/** The bounds of the event id leave out the partitions of other months; ids and times differ by the skew of clocks at most. */
function occurredFrom(tx: Tx, from: Date): Condition {
  return tx`and occurred_at >= ${from} and event_id >= ${leastIdOf(from.getTime() - CLOCK_SKEW_MS)}::uuid`
}

function occurredBefore(tx: Tx, to: Date): Condition {
  return tx`and occurred_at < ${to} and event_id < ${leastIdOf(to.getTime() + CLOCK_SKEW_MS)}::uuid`
}

function mentions(tx: Tx, text: string): Condition {
  const pattern = `%${text.replace(/[\\%_]/g, '\\$&')}%`
  return tx`and (operation ilike ${pattern} or actor_id ilike ${pattern} or resource_type ilike ${pattern}
    or resource_id ilike ${pattern} or reason ilike ${pattern})`
}
