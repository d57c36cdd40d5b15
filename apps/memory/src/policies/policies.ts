import { policyChanged } from '@memoric/contracts/signals.ts'
import { POLICY_CHANGED } from '@memoric/contracts/subjects.ts'
import type { Messaging } from '@memoric/messaging/connect.ts'
import { onSignal, onSignalsMissed, publishSignal } from '@memoric/messaging/signals.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { type KeyStore, wholeTenant } from '../keys/subject-keys.ts'
import { TENANT_ITSELF } from '../keys/tenant-itself.ts'
import { createPolicy, NO_POLICY, NO_POLICY_WITH_SOURCES, type Policy } from './policy.ts'
import { openPolicy } from './policy-box.ts'
import { selectAnySource, selectPolicy } from './policy-repository.ts'

/** The policies of tenants as a process knows them. */
export interface Policies {
  /** The policy of a tenant: a change is known here within a second, also while NATS is away. */
  of(tenantId: string): Promise<Policy>
  /** Has every process read the policy of a tenant anew. */
  changed(tenantId: string): void
  close(): void
}

export interface PoliciesOptions {
  readonly sql: Sql
  readonly keys: KeyStore
  readonly messaging: Messaging
  /** Ms of any clock. */
  readonly now?: () => number
}

interface Known {
  readonly policy: Promise<Policy>
  readonly readAt: number
}

/** Most tenants that are known; the one that was read longest ago goes first. */
const TENANTS = 10_000
/** Oldest that a policy may be while signals arrive, and while they may not, ms. */
const OLDEST_MS = 30_000
const OLDEST_ALONE_MS = 900

/** Keeps policies until a signal says that one has changed, so that writes and searches need not ask for them. */
export function createPolicies({ sql, keys, messaging, now = () => performance.now() }: PoliciesOptions): Policies {
  const known = new Map<string, Known>()
  const reading = new Map<string, Promise<Policy>>()
  const forget = (tenantId: string): void => {
    known.delete(tenantId)
    reading.delete(tenantId)
  }
  const stops = [
    onSignal(messaging, POLICY_CHANGED, (signal) => forget(policyChanged.parse(signal).tenantId)),
    onSignalsMissed(messaging, () => {
      known.clear()
      reading.clear()
    }),
  ]

  return {
    of(tenantId) {
      const found = known.get(tenantId)
      const oldest = messaging.isHealthy() ? OLDEST_MS : OLDEST_ALONE_MS
      if (found !== undefined && now() - found.readAt <= oldest) return found.policy
      return reading.get(tenantId) ?? read(tenantId)
    },
    changed(tenantId) {
      forget(tenantId)
      publishSignal(messaging, POLICY_CHANGED, { tenantId })
    },
    close: () => stops.forEach((stop) => stop()),
  }

  /** What was read while a signal came is answered, but not kept. */
  function read(tenantId: string): Promise<Policy> {
    const readAt = now()
    const task = readPolicy(sql, keys, tenantId)
      .then((policy) => {
        if (reading.get(tenantId) === task) keep(tenantId, { policy: Promise.resolve(policy), readAt })
        return policy
      })
      .finally(() => {
        if (reading.get(tenantId) === task) reading.delete(tenantId)
      })
    reading.set(tenantId, task)
    return task
  }

  function keep(tenantId: string, policy: Known): void {
    known.delete(tenantId)
    known.set(tenantId, policy)
    const [first] = known.keys()
    if (known.size > TENANTS && first !== undefined) known.delete(first)
  }
}

/** The policy of a tenant as it is in the database. */
export async function readPolicy(sql: Sql, keys: KeyStore, tenantId: string): Promise<Policy> {
  const [[row], sources] = await tenantFlight(sql, wholeTenant(tenantId), (tx) => [
    selectPolicy(tx, tenantId),
    selectAnySource(tx, tenantId),
  ])
  if (row === undefined) return sources.length > 0 ? NO_POLICY_WITH_SOURCES : NO_POLICY
  return keys.forReading(tenantId, TENANT_ITSELF, (own) => {
    if (own === null) throw new Error('a policy without a key')
    return createPolicy(row.version, openPolicy(own, row))
  })
}
