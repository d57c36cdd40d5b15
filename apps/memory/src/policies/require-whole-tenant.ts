import type { Caller } from '@memoric/contracts/caller.ts'
import { AppError } from '@memoric/service/app-error.ts'

/** A policy holds for every subject and namespace. Throws AppError `permission_denied` for a credential that is limited to some. */
export function requireWholeTenant({ subjects, namespaces }: Caller): void {
  if (subjects === '*' && namespaces === '*') return
  throw new AppError('permission_denied', {
    detail: 'a credential without limits is needed for the policy of the tenant',
  })
}
