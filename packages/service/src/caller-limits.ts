import type { AllowList, Caller } from '@memoric/contracts/caller.ts'
import type { Permission } from '@memoric/contracts/permissions.ts'
import type { Access } from '@memoric/contracts/route.ts'
import { AppError } from './app-error.ts'

/** Throws AppError `permission_denied` or `authentication_required` unless `caller` may use a route with this access. */
export function requireAccess(caller: Caller, access: Access): void {
  if (access === 'anyone') return
  if (caller.principal.type === 'anonymous') throw new AppError('authentication_required')
  if (access !== 'signed_in') requirePermission(caller, access)
}

/** Throws AppError `permission_denied` unless `caller` holds `permission`. */
export function requirePermission(caller: Caller, permission: Permission): void {
  if (caller.permissions.includes(permission)) return
  throw new AppError('permission_denied', { detail: `${permission} is needed` })
}

/**
 * The subject that a request is about: the one it names, or the only one of the credential, or `fallback`.
 * Throws AppError `subject_not_allowed` for a subject outside the credential's list.
 */
export function subjectFor(caller: Caller, requested: string | undefined, fallback: string): string {
  const subject = requested ?? onlyOne(caller.subjects) ?? fallback
  requireSubject(caller, subject)
  return subject
}

/** Throws AppError `subject_not_allowed` for a subject outside the credential's list. */
export function requireSubject(caller: Caller, subject: string): void {
  if (!allows(caller.subjects, subject)) throw new AppError('subject_not_allowed')
}

/** The namespace that a write goes to, by the same rule as the subject. Throws AppError `namespace_not_allowed`. */
export function namespaceFor(caller: Caller, requested: string | undefined, fallback: string): string {
  const namespace = requested ?? onlyOne(caller.namespaces) ?? fallback
  requireNamespace(caller, namespace)
  return namespace
}

/** Throws AppError `namespace_not_allowed` for a namespace outside the credential's list. */
export function requireNamespace(caller: Caller, namespace: string): void {
  if (!allows(caller.namespaces, namespace)) throw new AppError('namespace_not_allowed')
}

/** Whether an allow-list admits `name`. */
export function allows(list: AllowList, name: string): boolean {
  return list === '*' || list.includes(name)
}

function onlyOne(list: AllowList): string | undefined {
  return list !== '*' && list.length === 1 ? list[0] : undefined
}
