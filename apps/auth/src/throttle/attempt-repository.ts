import type { Tx } from '@memoric/postgres/lease.ts'

/** Keys under which attempts to sign in to an account are counted: from anywhere, and from one network. */
export interface AttemptPlace {
  readonly account: Buffer
  readonly network: Buffer
}

/** Failures without a delay. The next one costs two seconds, each further one twice as much. */
const FREE_FAILURES = 5
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
 * A network from which somebody signed in is judged by its own failures only. The last of the results is the AttemptRow.
 */
export function countAttempt(tx: Tx, { account, network }: AttemptPlace) {
  return [
    // A count that a crash of PostgreSQL takes away does no harm, and waiting for the disk would.
    tx`
      select set_config('synchronous_commit', 'off', true),
        pg_advisory_xact_lock(${account.readBigInt64BE().toString()}::bigint)`,
    tx<[AttemptRow]>`
      with verdict as materialized (
        select m.now, a.last_failed_at as account_failed_at, n.last_failed_at as network_failed_at,
          greatest(n.blocked_until,
            case when n.last_success_at > m.now - make_interval(days => ${KNOWN_DAYS}) then null else a.blocked_until end
          ) as blocked_until,
          1 + case when a.last_failed_at > m.now - make_interval(hours => ${FORGET_HOURS}) then a.failures else 0 end
            as account_failures,
          1 + case when n.last_failed_at > m.now - make_interval(hours => ${FORGET_HOURS}) then n.failures else 0 end
            as network_failures,
          1 + coalesce(a.refused, 0) as refused,
          case when a.refused_told_at > m.now - make_interval(secs => ${TELL_SECONDS}) then a.refused_told_at end as told_at
        from (select clock_timestamp()::timestamptz(3) as now) m
          left join sign_in_attempts a on a.key = ${account}
          left join sign_in_attempts n on n.key = ${network}
      ), admitted (key, failures, now) as (
        select ${account}::bytea, account_failures, now from verdict where blocked_until is null or blocked_until <= now
        union all
        select ${network}::bytea, network_failures, now from verdict where blocked_until is null or blocked_until <= now
      ), counted as (
        insert into sign_in_attempts (key, failures, last_failed_at, blocked_until)
        select key, failures, now, case when failures > ${FREE_FAILURES}::integer then now
          + make_interval(secs => least(power(2, least(failures - ${FREE_FAILURES}::integer, 30)), ${LONGEST_BLOCK_SECONDS}))
          end
        from admitted
        on conflict (key) do update set failures = excluded.failures, last_failed_at = excluded.last_failed_at,
          blocked_until = excluded.blocked_until
        returning key, blocked_until
      ), refused as (
        insert into sign_in_attempts (key, last_failed_at, refused, refused_told_at)
        select ${account}::bytea, now, case when told_at is null then 0 else refused end, coalesce(told_at, now)
        from verdict where blocked_until > now
        on conflict (key) do update set refused = excluded.refused, refused_told_at = excluded.refused_told_at
      )
      select case when blocked_until > now then extract(epoch from blocked_until - now)::float8 end as blocked_seconds,
        case when blocked_until > now and told_at is null then refused end as telling,
        now as counted_at, account_failed_at, network_failed_at,
        (select c.blocked_until from counted c where c.key = ${account}) as account_until,
        (select c.blocked_until from counted c where c.key = ${network}) as network_until
      from verdict`,
  ] as const
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
export function forgiveNetwork(tx: Tx, attempt: CountedAttempt) {
  const { account, network } = attempt
  return [
    lockAccount(tx, account),
    tx`
      update sign_in_attempts s
      set failures = case when s.key = n.key then 0 else greatest(s.failures - n.failures, 0) end,
        blocked_until = case when s.key <> n.key and s.failures - n.failures > ${FREE_FAILURES}::integer
          then nullif(s.blocked_until, ${attempt.account_until}::timestamptz) end,
        last_failed_at = case when s.key <> n.key and s.last_failed_at = ${attempt.counted_at}::timestamptz
          then coalesce(${attempt.account_failed_at}::timestamptz, s.last_failed_at) else s.last_failed_at end,
        last_success_at = case when s.key = n.key then clock_timestamp() else s.last_success_at end
      from (select key, failures from sign_in_attempts where key = ${network}) n
      where s.key in (${account}, ${network})`,
  ] as const
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
