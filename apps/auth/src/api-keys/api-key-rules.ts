import type { AllowList, Caller } from '@memoric/contracts/caller.ts'
import type { Permission } from '@memoric/contracts/permissions.ts'
import { AppError } from '@memoric/service/app-error.ts'

/** What is asked of a new key. */
export interface KeyLimits {
  readonly scopes: readonly Permission[]
  readonly namespaces?: readonly string[] | undefined
  readonly subjects?: readonly string[] | undefined
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

/** Both lists go along with every request of the key, in a header: bytes of their JSON. */
const MAX_LIST_BYTES = 8192

/** Throws AppError `rule_violated` when the names in the lists of a key are too long together. */
export function requireShortLists({ namespaces = [], subjects = [] }: Omit<KeyLimits, 'scopes'>): void {
  const bytes = Buffer.byteLength(JSON.stringify([namespaces, subjects]))
  if (bytes <= MAX_LIST_BYTES) return
  const detail = `namespaces and subjects have ${bytes} bytes together and may have ${MAX_LIST_BYTES}`
  throw new AppError('rule_violated', { detail })
}

/** A key without a list of its own may use every name. */
function isWithin(allowed: AllowList, wanted: readonly string[] | undefined): boolean {
  return allowed === '*' || (wanted?.every((name) => allowed.includes(name)) ?? false)
}
