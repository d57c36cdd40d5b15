import type { PasswordHasher } from '@memoric/crypto/passwords.ts'
import { type RefusalReason, type RefusedAccount, refusedFor } from '../throttle/refused-attempt.ts'
import { SignInRefused } from './sign-in-refused.ts'
import type { SignInAccount } from './sign-in-repository.ts'

/** What stands against signing in to an account whose password is right; null when nothing does. */
export type Objection = (account: SignInAccount) => RefusalReason | null

/**
 * The account that a password opens. With none to try, it costs what one would. That an e-mail has accounts in several tenants shows
 * in the time: each costs a check, and to make all sign-ins cost as many would slow down everybody. Throws SignInRefused.
 */
export async function matchAccount(
  passwords: PasswordHasher,
  accounts: readonly SignInAccount[],
  password: string,
  objectionTo: Objection,
): Promise<SignInAccount> {
  const refused: RefusedAccount[] = []
  for (const account of accounts) {
    const reason = await reasonAgainst(passwords, account, password, objectionTo)
    if (reason === null) return account
    refused.push(...refusedFor(reason, [account]))
  }
  if (refused.length > 0) throw new SignInRefused(refused)
  await passwords.verifyDummy(password)
  throw new SignInRefused(refusedFor('unknown_account', []))
}

async function reasonAgainst(
  passwords: PasswordHasher,
  account: SignInAccount,
  password: string,
  objectionTo: Objection,
): Promise<RefusalReason | null> {
  const { password_hash: stored } = account
  if (stored !== null) return (await passwords.verify(stored, password)) ? objectionTo(account) : 'wrong_password'
  await passwords.verifyDummy(password)
  return 'no_password'
}
