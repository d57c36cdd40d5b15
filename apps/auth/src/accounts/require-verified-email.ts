import { AppError } from '@memoric/service/app-error.ts'
import type { AuthConfig } from '../config.ts'
import type { UserRow } from './user-repository.ts'

/**
 * Throws AppError `email_not_verified` where nobody signs in before the address is proven. To call once the password is known to be
 * right: before, it would tell that there is an account.
 */
export function requireVerifiedEmail(
  { REGISTRATION }: Pick<AuthConfig, 'REGISTRATION'>,
  { email_verified_at: verifiedAt }: Pick<UserRow, 'email_verified_at'>,
): void {
  if (REGISTRATION === 'verified' && verifiedAt === null) throw new AppError('email_not_verified')
}
