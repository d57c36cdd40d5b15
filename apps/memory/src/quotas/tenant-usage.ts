import type { QuotaName } from '@memoric/contracts/quota-contract.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { wholeTenant } from '../keys/subject-keys.ts'
import { selectTenantAmount, selectTenantQuotas, type TenantQuotas } from './quota-repository.ts'
import { type Amount, plus, type QuotaLimits } from './quota-rules.ts'

/** What a tenant stores and may store, as a process knows it. */
export interface TenantUsage {
  readonly used: Amount
  readonly limits: QuotaLimits
}

export interface TenantUsages {
  /** What this process knows, read anew when that is too old: the closer to a limit, the sooner. */
  of(tenantId: string): Promise<TenantUsage>
  /** The same, a second old at most: before anything is refused. */
  fresh(tenantId: string): Promise<TenantUsage>
  /** Counts what this process wrote, or removed. */
  add(tenantId: string, more: Amount): void
  /** Counts what did not fit. */
  noteRefusal(quota: QuotaName): void
  /** How much did not fit since the process started, by quota. */
  refusals(): ReadonlyMap<QuotaName, number>
}

export interface TenantUsagesOptions {
  readonly sql: Sql
  readonly defaults: QuotaLimits
  /** Ms of any clock. */
  readonly now?: () => number
}

interface Known extends TenantUsage {
  readonly readAt: number
  /** How long the reading took, ms. */
  readonly cost: number
}

/** Most tenants that are known; the one that wrote longest ago goes first. */
const TENANTS = 10_000

const FRESH_MS = 1000
/** The oldest that what a process knows may be, by the share of a limit that is used. */
const AGES = [
  { above: 0.9, ms: FRESH_MS },
  { above: 0.5, ms: 10_000 },
] as const
const OLDEST_MS = 60_000
/** Reading the sum takes at most this share of the time, however many subjects a tenant has. */
const READING_SHARE = 0.01

/**
 * Sums of tenants without a counter that all writers of a tenant would wait for: each process reads the sum of the subjects now
 * and then, and adds its own writes.
 */
export function createTenantUsages({
  sql,
  defaults,
  now = () => performance.now(),
}: TenantUsagesOptions): TenantUsages {
  const known = new Map<string, Known>()
  const refusals = new Map<QuotaName, number>()
  const reading = new Map<string, Promise<Known>>()

  return {
    of: (tenantId) => notOlder(tenantId, oldest),
    fresh: (tenantId) => notOlder(tenantId, freshest),
    add(tenantId, more) {
      const found = known.get(tenantId)
      if (found !== undefined) known.set(tenantId, { ...found, used: plus(found.used, more) })
    },
    noteRefusal: (quota) => void refusals.set(quota, (refusals.get(quota) ?? 0) + 1),
    refusals: () => refusals,
  }

  async function notOlder(tenantId: string, maxAge: (usage: Known) => number): Promise<TenantUsage> {
    const found = known.get(tenantId)
    if (found !== undefined && now() - found.readAt <= maxAge(found)) return found
    const running = reading.get(tenantId) ?? read(tenantId)
    reading.set(tenantId, running)
    return running
  }

  async function read(tenantId: string): Promise<Known> {
    const readAt = now()
    try {
      const [[used], [own]] = await tenantFlight(sql, wholeTenant(tenantId), (tx) => [
        selectTenantAmount(tx, tenantId),
        selectTenantQuotas(tx, tenantId),
      ])
      if (used === undefined) throw new Error('a sum without a row')
      const usage = { used, limits: limitsOf(defaults, own), readAt, cost: now() - readAt }
      keep(tenantId, usage)
      return usage
    } finally {
      reading.delete(tenantId)
    }
  }

  function keep(tenantId: string, usage: Known): void {
    known.delete(tenantId)
    known.set(tenantId, usage)
    const [first] = known.keys()
    if (known.size > TENANTS && first !== undefined) known.delete(first)
  }
}

/** A tenant's own quotas go before those of the service. */
export function limitsOf(defaults: QuotaLimits, own: TenantQuotas | undefined): QuotaLimits {
  return {
    tenant: { memories: own?.memories ?? defaults.tenant.memories, bytes: own?.bytes ?? defaults.tenant.bytes },
    subject: {
      memories: own?.subject_memories ?? defaults.subject.memories,
      bytes: own?.subject_bytes ?? defaults.subject.bytes,
    },
  }
}

function freshest({ cost }: Known): number {
  return Math.max(FRESH_MS, cost / READING_SHARE)
}

function oldest(usage: Known): number {
  const { used, limits } = usage
  const share = Math.max(used.memories / limits.tenant.memories, used.bytes / limits.tenant.bytes)
  const age = AGES.find(({ above }) => share > above)?.ms ?? OLDEST_MS
  return Math.max(age, freshest(usage))
}
