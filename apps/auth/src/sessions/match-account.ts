import type { PasswordHasher } from '@memoric/crypto/passwords.ts'
import type { AccountRow } from '../accounts/user-repository.ts'

export type SignInRefusal = 'unknown_account' | 'wrong_password' | 'deactivated'

/** The account that a password opens, or why none does. */
export type Match =
  | { readonly account: AccountRow }
  | { readonly account: null; readonly reason: SignInRefusal; readonly tried: readonly AccountRow[] }

/** Tries the password on each account. With none, it costs what one would. */
export async function matchAccount(
  passwords: PasswordHasher,
  accounts: readonly AccountRow[],
  password: string,
): Promise<Match> {
  let reason: SignInRefusal = 'wrong_password'
  for (const account of accounts) {
    if (!(await passwords.verify(account.password_hash, password))) continue
    if (account.deactivated_at === null) return { account }
    reason = 'deactivated'
  }
  if (accounts.length > 0) return { account: null, reason, tried: accounts }
  await passwords.verifyDummy(password)
  return { account: null, reason: 'unknown_account', tried: [] }
}
