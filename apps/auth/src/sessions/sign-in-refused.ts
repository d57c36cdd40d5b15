import type { ErrorCode } from '@memoric/contracts/error-codes.ts'
import { answerTo, type RefusalReason, type RefusedAccount, refusedFor } from '../throttle/refused-attempt.ts'
import type { SignInAccount } from './sign-in-repository.ts'

/** Somebody may not sign in. */
export class SignInRefused extends Error {
  override readonly name = 'SignInRefused'
  readonly refused: readonly RefusedAccount[]
  /** What the caller is told. */
  readonly code: ErrorCode

  constructor(refused: readonly RefusedAccount[]) {
    super('sign-in refused')
    this.refused = refused
    // Of several accounts, the one that the password opens counts.
    this.code = refused.map(({ reason }) => answerTo(reason)).find((code) => code !== WRONG_PASSWORD) ?? WRONG_PASSWORD
  }

  /** Whether something was guessed wrong. */
  get isFailure(): boolean {
    return this.code === WRONG_PASSWORD || this.code === WRONG_CODE
  }

  /** The users whose password it was. */
  get opened(): ReadonlySet<string | null> {
    return new Set(this.refused.flatMap(({ reason, userId }) => (answerTo(reason) === WRONG_PASSWORD ? [] : [userId])))
  }
}

const WRONG_PASSWORD = 'invalid_credentials'
const WRONG_CODE = 'invalid_code'

/** The refusal of a password that is right. */
export function refusal(reason: RefusalReason, account: SignInAccount): SignInRefused {
  return new SignInRefused(refusedFor(reason, [account]))
}
