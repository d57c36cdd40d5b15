import { CryptoError } from '@memoric/crypto/errors.ts'

/** How many sign-ins a process takes at the same time. Both reject with CryptoError `busy` when it has enough of them. */
export interface SignInPlaces {
  /** Runs what finds out whether a sign-in is let through: most are not while somebody guesses, and those take no place for long. */
  ask<T>(work: () => Promise<T>): Promise<T>
  /** Runs what compares the password. */
  judge<T>(work: () => Promise<T>): Promise<T>
}

/** Makes places for `most` passwords that are compared or wait for it. */
export function createSignInPlaces(most: number): SignInPlaces {
  const taken = { asking: 0, judging: 0 }
  const take = async <T>(kind: keyof typeof taken, isFull: boolean, work: () => Promise<T>): Promise<T> => {
    if (isFull) throw new CryptoError('busy')
    taken[kind] += 1
    try {
      return await work()
    } finally {
      taken[kind] -= 1
    }
  }
  return {
    ask: (work) => take('asking', taken.judging >= most || !mayAsk(most, taken), work),
    judge: (work) => take('judging', taken.judging >= most, work),
  }
}

/** When half of the places are taken, no more may ask than there are places: the question alone costs as much as ten refusals. */
function mayAsk(most: number, { asking, judging }: { readonly asking: number; readonly judging: number }): boolean {
  return judging < most / 2 || asking + judging < most
}
