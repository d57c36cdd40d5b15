import { normalizeEmail } from '@memoric/crypto/blind-index.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import { networkOf } from '@memoric/service/client-networks.ts'
import type { Deps } from '../deps.ts'
import type { AuthKeys } from '../keys/auth-keys.ts'
import {
  type AttemptPlace,
  type AttemptRow,
  countAttempt,
  type CountedAttempt,
  uncountAttempt,
} from './attempt-repository.ts'

/** Whom an attempt to sign in is for, and from where; there need be no such account. */
export interface AttemptOrigin {
  readonly email: string
  readonly address: string
}

/** Whether an attempt is let through. It is counted as a failure then, until `pardonAttempt` or `uncountAttempt` says otherwise. */
export type Admission =
  | { readonly counted: CountedAttempt }
  | {
      readonly counted: null
      /** Seconds. */
      readonly retryAfter: number
      /** How many refused attempts an event must tell of now; null for none. */
      readonly telling: number | null
    }

/** Where the attempts of an e-mail from an address are counted. */
export function attemptPlace(keys: AuthKeys, { email, address }: AttemptOrigin): AttemptPlace {
  const account = normalizeEmail(email)
  return {
    account: keys.index('sign_in_account', account),
    network: keys.index('sign_in_network', `${networkOf(address)} ${account}`),
  }
}

/** Counts an attempt, in a round trip of its own. */
export async function admitSignIn({ counter }: Pick<Deps, 'counter'>, place: AttemptPlace): Promise<Admission> {
  const [row] = await counter.ask((tx) => countAttempt(tx, place))
  return admission(place, row)
}

/** What the row of `countAttempt` means. */
export function admission(place: AttemptPlace, row: AttemptRow): Admission {
  const { blocked_seconds: seconds, telling, ...counters } = row
  if (seconds === null) return { counted: { ...place, ...counters } }
  return { counted: null, retryAfter: Math.max(1, Math.ceil(seconds)), telling }
}

/** Takes an attempt back, in a round trip of its own. */
export async function withdraw({ sql }: Pick<Deps, 'sql'>, attempt: CountedAttempt): Promise<void> {
  await systemFlight(sql, (tx) => uncountAttempt(tx, attempt))
}
