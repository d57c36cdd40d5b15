import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { Deps } from '../deps.ts'
import { type RefusalReason, answerTo, refusedFor, tellRefusal } from './refused-attempt.ts'
import { admitSignIn, attemptPlace, withdraw } from './sign-in-throttle.ts'

/** A signed-in user who proves something once more. */
export interface Prover {
  readonly tenant_id: string
  readonly id: string
  readonly email: string
}

/**
 * Lets a signed-in user prove something that a thief of the session could guess at; `prove` gives null when it is wrong. Wrong proofs
 * count like failed sign-ins; a right one neither forgives those nor makes the network known. Throws AppError `sign_in_throttled`, or
 * what answers `wrong`.
 */
export async function proveAgain<T>(
  deps: Deps,
  user: Prover,
  context: RequestContext,
  wrong: RefusalReason,
  prove: () => Promise<T | null>,
): Promise<T> {
  const { email } = user
  const place = attemptPlace(deps.keys, { email, address: context.caller.clientAddress })
  const admitted = await admitSignIn(deps, place)
  if (admitted.counted === null) {
    const { telling: attempts, retryAfter } = admitted
    if (attempts !== null)
      await tellRefusal(deps, { email, context, accounts: refusedFor('throttled', [user]), attempts })
    throw new AppError('sign_in_throttled', { retryAfter })
  }
  const { counted } = admitted
  const proof = await prove().catch(async (error: unknown) => {
    await withdraw(deps, counted)
    throw error
  })
  if (proof !== null) {
    await withdraw(deps, counted)
    return proof
  }
  await tellRefusal(deps, { email, context, accounts: refusedFor(wrong, [user]) })
  throw new AppError(answerTo(wrong))
}

/** Compares a password with that of a signed-in user. Throws AppError `invalid_credentials`, `sign_in_throttled`. */
export async function checkCurrentPassword(
  deps: Deps,
  user: Prover & { readonly password_hash: string | null },
  password: string,
  context: RequestContext,
): Promise<void> {
  const { passwords } = deps
  const { password_hash: stored } = user
  const isRight = () => (stored === null ? passwords.verifyDummy(password) : passwords.verify(stored, password))
  const wrong = stored === null ? 'no_password' : 'wrong_password'
  await proveAgain(deps, user, context, wrong, async () => ((await isRight()) ? true : null))
}
