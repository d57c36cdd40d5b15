import type { Tx } from '@memoric/postgres/lease.ts'
import { deleteOldAttempts } from '../throttle/attempt-repository.ts'

/** Held by whoever cleans up, until its transaction ends. */
const CLEAN_UP_LOCK = 5_133_872

/** Days for which a session can be looked up after its end, and an invitation. */
const SESSION_DAYS = 30
const INVITATION_DAYS = 90

/** Takes the right to clean up, if nobody else has it now. */
export async function tryLockCleanUp(tx: Tx): Promise<boolean> {
  const [row] = await tx<{ locked: boolean }[]>`select pg_try_advisory_xact_lock(${CLEAN_UP_LOCK}) as locked`
  return row?.locked === true
}

/**
 * What is removed, in this order, each `max` rows at a time. Rows that somebody holds are left for the next time. A used refresh
 * token stays as long as its session: until then it must be recognised when it comes back.
 */
export const removals = {
  refresh_tokens: (tx: Tx, max: number) => tx`
    delete from refresh_tokens where ctid = any (array(
      select r.ctid from refresh_tokens r join sessions s on s.tenant_id = r.tenant_id and s.id = r.session_id
      where ${isSessionOld(tx)}
      limit ${max} for update of r skip locked))`,

  sessions: (tx: Tx, max: number) => tx`
    delete from sessions where ctid = any (array(
      select s.ctid from sessions s
      where ${isSessionOld(tx)}
        and not exists (select from refresh_tokens r where r.tenant_id = s.tenant_id and r.session_id = s.id)
      limit ${max} for update skip locked))`,

  one_time_tokens: (tx: Tx, max: number) => tx`
    delete from one_time_tokens where ctid = any (array(
      select ctid from one_time_tokens where expires_at < now() limit ${max} for update skip locked))`,

  sso_attempts: (tx: Tx, max: number) => tx`
    delete from sso_attempts where ctid = any (array(
      select ctid from sso_attempts where expires_at < now() limit ${max} for update skip locked))`,

  invitations: (tx: Tx, max: number) => tx`
    delete from invitations where ctid = any (array(
      select ctid from invitations
      where least(expires_at, accepted_at, revoked_at) < now() - make_interval(days => ${INVITATION_DAYS})
      limit ${max} for update skip locked))`,

  sign_in_attempts: deleteOldAttempts,
} as const

export type Removed = keyof typeof removals

function isSessionOld(tx: Tx) {
  return tx`least(s.expires_at, s.idle_expires_at, s.revoked_at) < now() - make_interval(days => ${SESSION_DAYS})`
}
