import type { QuotaName } from '@memoric/contracts/quota-contract.ts'
import { AppError } from '@memoric/service/app-error.ts'

/** A number of memories, and their sealed bytes with those of their replaced versions. */
export interface Amount {
  readonly memories: number
  readonly bytes: number
}

/** The most that a tenant, and each of its subjects, may store. */
export interface QuotaLimits {
  readonly tenant: Amount
  readonly subject: Amount
}

export const NOTHING: Amount = { memories: 0, bytes: 0 }

export function plus(one: Amount, other: Amount): Amount {
  return { memories: one.memories + other.memories, bytes: one.bytes + other.bytes }
}

/** Which quota is exceeded, the subject's first; null when none is. */
export function exceeded(subject: Amount, tenant: Amount, limits: QuotaLimits): QuotaName | null {
  if (subject.memories > limits.subject.memories) return 'subject.memories'
  if (subject.bytes > limits.subject.bytes) return 'subject.bytes'
  if (tenant.memories > limits.tenant.memories) return 'tenant.memories'
  return tenant.bytes > limits.tenant.bytes ? 'tenant.bytes' : null
}

/** What a caller learns when `quota` is used up. */
export function quotaExceeded(quota: QuotaName): AppError {
  return new AppError('quota_exceeded', { detail: quota })
}
