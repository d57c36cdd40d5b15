import type { Permission } from '@memoric/contracts/permissions.ts'
import { AppError } from '@memoric/service/app-error.ts'

/**
 * The scopes of a token: those that are asked for, separated by spaces, or all that the key holds now.
 * Throws AppError `invalid_scope` when the key does not hold one of them, or none at all.
 */
export function requestedScopes(asked: string | undefined, held: readonly Permission[]): Permission[] {
  const names = new Set(asked === undefined || asked === '' ? held : asked.split(' '))
  const scopes = held.filter((scope) => names.has(scope))
  if (scopes.length < names.size) throw new AppError('invalid_scope')
  if (scopes.length === 0) throw new AppError('invalid_scope', { detail: 'the key holds no scope any more' })
  return scopes
}
