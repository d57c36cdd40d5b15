import type { ErrorCode } from '@memoric/contracts/error-codes.ts'
import { AppError } from '@memoric/service/app-error.ts'

export interface StreamLimits {
  readonly all: number
  readonly perTenant: number
  readonly perCredential: number
}

/** Counts the open streams of this process. */
export interface StreamPlaces {
  /** Takes a place, and returns what gives it back. Throws AppError of the code that it was made with. */
  take(tenantId: string, grantId: string): () => void
  taken(): number
}

const RETRY_AFTER = 30

export function createStreamPlaces(limits: StreamLimits, code: ErrorCode = 'too_many_subscriptions'): StreamPlaces {
  const counts = new Map<string, number>()
  const count = (key: string) => counts.get(key) ?? 0
  const add = (key: string, by: number) => {
    const sum = count(key) + by
    if (sum === 0) counts.delete(key)
    else counts.set(key, sum)
  }
  return {
    taken: () => count('all'),
    take(tenantId, grantId) {
      const bounds = {
        all: limits.all,
        [`tenant ${tenantId}`]: limits.perTenant,
        [`grant ${grantId}`]: limits.perCredential,
      }
      if (Object.entries(bounds).some(([key, max]) => count(key) >= max)) {
        throw new AppError(code, { retryAfter: RETRY_AFTER })
      }
      for (const key of Object.keys(bounds)) add(key, 1)
      let given = false
      return () => {
        if (given) return
        given = true
        for (const key of Object.keys(bounds)) add(key, -1)
      }
    },
  }
}
