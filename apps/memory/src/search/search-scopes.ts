import type { Caller } from '@memoric/contracts/caller.ts'
import { isOfAllSubjects, type SearchRequest, type SearchScope } from '@memoric/contracts/search-contract.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { requirePermission } from '@memoric/service/caller-limits.ts'

/** What the operator allows of searches over many subjects. */
export interface SearchLimits {
  /** Most subjects that one search looks at. */
  readonly maxSubjects: number
  /** Whether there is the scope `global`. */
  readonly isGlobalOn: boolean
}

/**
 * The scopes of a request in the order in which they are tried. Throws AppError `permission_denied` and `global_search_off` when one of them
 * is `global` and may not be used, even if it would not be needed.
 */
export function scopesOf(request: SearchRequest, caller: Caller, limits: SearchLimits): SearchScope[] {
  const { scope, fallback = [] } = request
  const scopes = [scope ?? defaultScope(request), ...fallback.filter((name) => isUsable(name, request))]
  if (scopes.includes('global')) requireGlobal(caller, limits)
  return [...new Set(scopes)]
}

/** The scopes of a policy to fall back to, without `global` where the caller may not use it: nobody asked for it. */
export function fallbackOf(policy: readonly SearchScope[], caller: Caller, limits: SearchLimits): SearchScope[] {
  const isGlobalUsable = limits.isGlobalOn && caller.permissions.includes('admin:*')
  return policy.filter((scope) => scope !== 'global' || isGlobalUsable)
}

/** Whether any of the scopes is of one subject. */
export function needsSubject(scopes: readonly SearchScope[]): boolean {
  return !scopes.every(isOfAllSubjects)
}

function defaultScope({ thread_id, topic }: SearchRequest): SearchScope {
  if (thread_id !== undefined) return 'thread'
  return topic === undefined ? 'subject' : 'topic'
}

/** A scope to fall back to is left out when what it needs is not named. */
function isUsable(scope: SearchScope, { thread_id, topic, namespace }: SearchRequest): boolean {
  if (scope === 'thread') return thread_id !== undefined
  if (scope === 'topic') return topic !== undefined
  return scope !== 'namespace' || namespace !== undefined
}

function requireGlobal(caller: Caller, { isGlobalOn }: SearchLimits): void {
  requirePermission(caller, 'admin:*')
  if (!isGlobalOn) throw new AppError('global_search_off')
}
