import type { Tx } from '@memoric/postgres/lease.ts'

/** Keys under which attempts to sign in to an account are counted: from anywhere, and from one network. */
export interface AttemptPlace {
  readonly account: Buffer
  readonly network: Buffer
}

/** Failures without a delay. The next one costs two seconds, each further one twice as much. */
export const FREE_FAILURES = 5
const LONGEST_BLOCK_SECONDS = 15 * 60
/** Hours without a failure after which the earlier ones are forgotten. */
const FORGET_HOURS = 24
/** Days in which a network is known from which somebody signed in. */
const KNOWN_DAYS = 90
/** Seconds in which one event tells of all attempts of an account that were not looked at. */
const TELL_SECONDS = 10

/** What became of an attempt, and how both counters were before, so that it can be taken back. */
export interface AttemptRow {
  /** Null for an attempt that is let through. */
  readonly blocked_seconds: number | null
  /** How many refused attempts are to be told; null when they were told lately. */
  readonly telling: number | null
  readonly counted_at: Date
  readonly account_until: Date | null
  readonly account_failed_at: Date | null
  readonly network_until: Date | null
  readonly network_failed_at: Date | null
}

/**
 * Counts an attempt as failed before it is looked at, unless it must wait: however many come at once, they are let through one by one.
 * A network from which somebody signed in is judged by its own failures only.
 */
export function countAttempt(tx: Tx, { account, network }: AttemptPlace) {
  return tx<[AttemptRow]>`
    select blocked_seconds, telling, counted_at, account_until, account_failed_at, network_until, network_failed_at
    from memoric.count_attempt(${account}, ${network}, ${FREE_FAILURES}, ${LONGEST_BLOCK_SECONDS}, ${FORGET_HOURS},
      ${KNOWN_DAYS}, ${TELL_SECONDS})`
}

/** One transaction at a time changes the counters of an account. Whoever locks the user as well locks the user first. */
function lockAccount(tx: Tx, account: Buffer) {
  return tx`select pg_advisory_xact_lock(${account.readBigInt64BE().toString()}::bigint)`
}

/** An attempt that was let through. */
export interface CountedAttempt extends AttemptPlace, Omit<AttemptRow, 'blocked_seconds' | 'telling'> {}

/** Takes back an attempt that turned out to be no failure; the counters are then what they would be without it. */
export function uncountAttempt(tx: Tx, attempt: CountedAttempt) {
  return [
    lockAccount(tx, attempt.account),
    tx`
      update sign_in_attempts s
      set failures = greatest(s.failures - 1, 0), blocked_until = nullif(s.blocked_until, b.until),
        last_failed_at = case when s.last_failed_at = ${attempt.counted_at}::timestamptz
          then coalesce(b.failed_at, s.last_failed_at) else s.last_failed_at end
      from (values
        (${attempt.account}::bytea, ${attempt.account_until}::timestamptz, ${attempt.account_failed_at}::timestamptz),
        (${attempt.network}::bytea, ${attempt.network_until}::timestamptz, ${attempt.network_failed_at}::timestamptz)
      ) as b (key, until, failed_at)
      where s.key = b.key`,
  ] as const
}

/** Forgives the failures from the network of an attempt that succeeded, and knows the network from now on. */
function forgiveNetwork(tx: Tx, { account, network, ...attempt }: CountedAttempt) {
  return tx`
    select memoric.forgive_network(${account}, ${network}, ${FREE_FAILURES}, ${attempt.counted_at}, ${attempt.account_until},
      ${attempt.account_failed_at})`
}

/**
 * What becomes of an attempt that was no wrong guess: it forgives what failed before it, is taken back itself, or, as an account of
 * somebody else may have been guessed at beside it, stays counted.
 */
export type Pardon = 'network' | 'attempt' | 'none'

/** The statements that pardon an attempt. */
export function pardonAttempt(tx: Tx, attempt: CountedAttempt, pardon: Pardon): readonly PromiseLike<unknown>[] {
  if (pardon === 'network') return [forgiveNetwork(tx, attempt)]
  return pardon === 'attempt' ? uncountAttempt(tx, attempt) : []
}

/** Forgets the failures of an account from anywhere, and those from one network; which networks are known stays. */
export function forgetFailures(tx: Tx, { account, network }: AttemptPlace) {
  return [
    lockAccount(tx, account),
    tx`update sign_in_attempts set failures = 0, blocked_until = null where key in (${account}, ${network})`,
  ] as const
}

/** Deletes counters that say nothing any more, `max` rows at most. */
export function deleteOldAttempts(tx: Tx, max: number) {
  return tx`
    delete from sign_in_attempts where key in (
      select key from sign_in_attempts
      where greatest(last_failed_at, last_success_at) < now() - make_interval(hours => ${FORGET_HOURS})
        and (last_success_at is null or last_success_at < now() - make_interval(days => ${KNOWN_DAYS}))
      limit ${max} for update skip locked)`
}
