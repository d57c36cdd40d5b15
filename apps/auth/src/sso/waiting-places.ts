import { AppError } from '@memoric/service/app-error.ts'

/** Runs work of a tenant when there is a place for it. Throws AppError `overloaded` when there is none. */
export type WaitingPlaces = <T>(tenantId: string, work: () => Promise<T>) => Promise<T>

/** Places for work that waits for others: `ofTenant` for each tenant, `all` together. */
export function createWaitingPlaces({
  ofTenant,
  all,
}: {
  readonly ofTenant: number
  readonly all: number
}): WaitingPlaces {
  const taken = new Map<string, number>()
  let total = 0
  const change = (tenantId: string, by: number): void => {
    const count = (taken.get(tenantId) ?? 0) + by
    total += by
    if (count > 0) taken.set(tenantId, count)
    else taken.delete(tenantId)
  }
  return async (tenantId, work) => {
    if (total >= all || (taken.get(tenantId) ?? 0) >= ofTenant) throw new AppError('overloaded', { retryAfter: 1 })
    change(tenantId, 1)
    try {
      return await work()
    } finally {
      change(tenantId, -1)
    }
  }
}
