import type { Caller } from '@memoric/contracts/caller.ts'
import { AppError } from '@memoric/service/app-error.ts'

/** Throws AppError `identity_protected` unless the caller may say, change or take back who a subject is becoming. */
export function requireIdentityWrite({ permissions }: Caller): void {
  if (permissions.includes('identity:write')) return
  throw new AppError('identity_protected', { detail: 'identity:write is needed for becoming' })
}
