import { PLATFORM_TENANT, type EventId, type TenantId } from '@memoric/contracts/ids.ts'
import type { RefusalReport } from '@memoric/contracts/refusals.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'

/** Something that was refused, as it is told. */
export type Refusal = Omit<RefusalReport, 'id' | 'at' | 'count'>

/** What was refused since the last time that it was told. */
export interface RefusalTally {
  /** Of the same kind, tenant, principal, address, endpoint and method the first is kept and the others are counted. */
  add(refusal: Refusal): void
  /** Counts reports that were made and cannot be told. */
  lose(reports: readonly RefusalReport[]): void
  isEmpty(): boolean
  /** Gives everything as reports and begins anew. */
  drain(): RefusalReport[]
}

export interface TallyOptions {
  /** Most reports that are kept; more are only counted. */
  readonly max?: number
  /** Most of them for one tenant, so that a flood of one does not hide what is refused to another. */
  readonly maxPerTenant?: number
  readonly now?: () => number
}

type Counted = { -readonly [K in keyof RefusalReport]: RefusalReport[K] }

/** Makes an empty tally. */
export function createRefusalTally({
  max = 1000,
  maxPerTenant = 500,
  now = Date.now,
}: TallyOptions = {}): RefusalTally {
  let reports = new Map<string, Counted>()
  let ofTenant = new Map<TenantId, number>()
  let dropped = new Map<TenantId, number>()

  function add(refusal: Refusal): void {
    const kind = kindOf(refusal)
    const known = reports.get(kind)
    if (known !== undefined) known.count += 1
    else if (hasRoomFor(refusal.tenantId)) keep(kind, refusal)
    else drop(refusal.tenantId, 1)
  }

  function hasRoomFor(tenantId: TenantId): boolean {
    return reports.size < max && (ofTenant.get(tenantId) ?? 0) < maxPerTenant
  }

  function keep(kind: string, refusal: Refusal): void {
    reports.set(kind, { ...refusal, id: uuidV7() as EventId, at: now(), count: 1 })
    ofTenant.set(refusal.tenantId, (ofTenant.get(refusal.tenantId) ?? 0) + 1)
  }

  /** Where too many tenants are concerned, the rest is counted together. */
  function drop(tenantId: TenantId, count: number): void {
    const counter = dropped.has(tenantId) || dropped.size < max ? tenantId : PLATFORM_TENANT
    dropped.set(counter, (dropped.get(counter) ?? 0) + count)
  }

  return {
    add,
    lose(lost) {
      for (const { tenantId, count } of lost) drop(tenantId, count)
    },
    isEmpty: () => reports.size === 0 && dropped.size === 0,
    drain() {
      const drained = [...reports.values(), ...[...dropped].map(([tenantId, count]) => sumOf(tenantId, count, now()))]
      reports = new Map()
      ofTenant = new Map()
      dropped = new Map()
      return drained
    },
  }
}

function kindOf({ type, reason, tenantId, principal, clientAddress, endpoint, method }: Refusal): string {
  return `${type} ${reason} ${tenantId} ${principal.type} ${principal.id} ${clientAddress} ${endpoint} ${method}`
}

function sumOf(tenantId: TenantId, count: number, at: number): RefusalReport {
  const id = uuidV7() as EventId
  return {
    id,
    type: 'refusals.dropped',
    tenantId,
    principal: { type: 'service', id: 'gateway' },
    reason: 'too_many',
    resourceId: null,
    endpoint: null,
    method: null,
    statusCode: null,
    requestId: id,
    clientAddress: '',
    userAgent: null,
    at,
    durationMs: 0,
    count,
  }
}
