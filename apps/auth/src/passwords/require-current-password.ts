import { ERRORS } from '@memoric/contracts/error-codes.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { Deps } from '../deps.ts'
import { tenantScope } from '../tenant-scope.ts'
import { admitSignIn, attemptPlace, withdraw } from '../throttle/sign-in-throttle.ts'
import type { PasswordUser } from './password-repository.ts'

/** A signed-in user who gives the current password. */
export interface PasswordProof {
  readonly user: PasswordUser
  readonly email: string
  readonly password: string
  readonly context: RequestContext
}

/**
 * Asks for the password once more, counted together with the attempts to sign in. Throws AppError `invalid_credentials` when it is wrong,
 * `sign_in_throttled` after too many failures; both are told.
 */
export async function requireCurrentPassword(deps: Deps, proof: PasswordProof): Promise<void> {
  const { user, email, password, context } = proof
  const place = attemptPlace(deps.keys, { email, address: context.caller.clientAddress })
  const admission = await admitSignIn(deps, place)
  if (admission.counted === null) {
    if (admission.telling !== null) await tell(deps, proof, 'throttled')
    throw new AppError('sign_in_throttled', { retryAfter: admission.retryAfter })
  }
  const { counted } = admission
  const isRight = await matches(deps, user, password).catch(async (error: unknown) => {
    await withdraw(deps, counted)
    throw error
  })
  if (isRight) return withdraw(deps, counted)
  await tell(deps, proof, 'wrong_password')
  throw new AppError('invalid_credentials', {
    errors: [{ pointer: '/current_password', message: 'is not the password' }],
  })
}

async function matches(
  { passwords }: Deps,
  { password_hash: stored }: PasswordUser,
  password: string,
): Promise<boolean> {
  return stored !== null && (await passwords.verify(stored, password))
}

async function tell(
  deps: Deps,
  { user, context }: PasswordProof,
  reason: 'throttled' | 'wrong_password',
): Promise<void> {
  const isWrong = reason === 'wrong_password'
  const event = deps.events({
    type: 'auth.password.changed',
    context,
    resourceId: user.id,
    statusCode: ERRORS[isWrong ? 'invalid_credentials' : 'sign_in_throttled'].status,
    outcome: isWrong ? 'failure' : 'denied',
    reason,
  })
  await tenantFlight(deps.sql, tenantScope(user.tenant_id), (tx) => [outboxInsert(tx, [event])])
  deps.relay.wake()
}
