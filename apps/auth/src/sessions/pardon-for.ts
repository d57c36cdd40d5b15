import type { Pardon } from '../throttle/attempt-repository.ts'
import type { SignInAccount } from './sign-in-repository.ts'

/** What a password that is right for one of the accounts of an attempt does to the count of failures, which all of them share. */
export function pardonFor({ is_of_person: isOfPerson }: SignInAccount, tried: readonly SignInAccount[]): Pardon {
  if (isOfPerson) return 'network'
  return tried.length === 1 ? 'attempt' : 'none'
}
