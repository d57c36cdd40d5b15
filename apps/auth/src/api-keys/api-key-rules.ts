import type { AllowList, Caller } from '@memoric/contracts/caller.ts'
import type { Permission } from '@memoric/contracts/permissions.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { areWithin } from '@memoric/service/client-networks.ts'

/** What is asked of a new key. */
export interface KeyLimits {
  readonly scopes: readonly Permission[]
  readonly namespaces?: readonly string[] | null | undefined
  readonly subjects?: readonly string[] | null | undefined
}

/**
 * Throws AppError `scope_exceeds_creator`, `namespace_not_allowed` or `subject_not_allowed` when the key could do what
 * `caller` cannot.
 */
export function requireWithinCaller(caller: Caller, key: KeyLimits): void {
  const missing = key.scopes.filter((scope) => !caller.permissions.includes(scope))
  if (missing.length > 0) throw new AppError('scope_exceeds_creator', { detail: `not held: ${missing.join(', ')}` })
  if (!isWithin(caller.namespaces, key.namespaces)) {
    throw new AppError('namespace_not_allowed', { detail: 'a key is limited to namespaces of the one who makes it' })
  }
  if (!isWithin(caller.subjects, key.subjects)) {
    throw new AppError('subject_not_allowed', { detail: 'a key is limited to subjects of the one who makes it' })
  }
}

/** A key that makes another. */
export interface MakingKey {
  readonly networks: readonly string[] | null
  readonly rateLimit: number | null
  readonly expiresAt: Date
}

/** What the new key is to have; null is no limit. */
interface UseLimits {
  readonly networks: readonly string[] | null
  readonly rateLimit: number | null
}

/** Throws AppError `address_not_allowed` or `rule_violated` when the new key could be used from elsewhere or more often than its maker. */
export function requireWithinMaker(maker: MakingKey | null, { networks, rateLimit }: UseLimits): void {
  if (maker === null) return
  if (maker.networks !== null && (networks === null || !areWithin(networks, maker.networks))) {
    throw new AppError('address_not_allowed', { detail: 'ip_allow of a key is within that of the key that makes it' })
  }
  if (maker.rateLimit !== null && (rateLimit ?? Infinity) > maker.rateLimit) {
    throw new AppError('rule_violated', {
      detail: `rate_limit can be ${maker.rateLimit} at most, as of the key that makes it`,
    })
  }
}

const DAY_MS = 86_400_000

/** Throws AppError `rule_violated` when a key that lives for `days` lives longer than keys may, or than its maker does. */
export function requireLifetime(days: number, mostDays: number, maker: MakingKey | null): void {
  if (days > mostDays) throw new AppError('rule_violated', { detail: `expires_in_days can be ${mostDays} at most` })
  if (maker !== null && Date.now() + days * DAY_MS > maker.expiresAt.getTime()) {
    const detail = `a key does not outlive the key that makes it, which ends at ${maker.expiresAt.toISOString()}`
    throw new AppError('rule_violated', { detail })
  }
}

/** Both lists go along with every request of the key, in a header: bytes of their JSON. */
const MAX_LIST_BYTES = 8192

/** Throws AppError `rule_violated` when the names in the lists of a key are too long together. */
export function requireShortLists({ namespaces, subjects }: Omit<KeyLimits, 'scopes'>): void {
  const bytes = Buffer.byteLength(JSON.stringify([namespaces ?? [], subjects ?? []]))
  if (bytes <= MAX_LIST_BYTES) return
  const detail = `namespaces and subjects have ${bytes} bytes together and may have ${MAX_LIST_BYTES}`
  throw new AppError('rule_violated', { detail })
}

/** A key without a list of its own may use every name. */
function isWithin(allowed: AllowList, wanted: readonly string[] | null | undefined): boolean {
  return allowed === '*' || (wanted?.every((name) => allowed.includes(name)) ?? false)
}
