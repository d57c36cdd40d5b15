import type { Tx } from '@memoric/postgres/lease.ts'

/** A row that one process works on until its next attempt is due. */
export interface ClaimedMail {
  readonly id: string
  /** This one included. */
  readonly attempts: number
}

export interface MailQueueStats {
  readonly waiting: number
  /** Age of the oldest request, ms; 0 when there is none. */
  readonly oldestMs: number
}

export function selectMailDue(tx: Tx) {
  return tx<{ is_due: boolean }[]>`
    select exists (select 1 from mail_queue where next_attempt_at <= now()) as is_due`
}

/** The mail that is due longest and that nobody else works on. Whoever dies with it leaves it to others after `leaseMs`. */
export function claimMail(tx: Tx, leaseMs: number) {
  return tx<ClaimedMail[]>`
    update mail_queue set attempts = attempts + 1, next_attempt_at = now() + ${leaseMs}::float8 * interval '1 ms'
    where id = (
      select id from mail_queue where next_attempt_at <= now()
      order by next_attempt_at, id limit 1 for update skip locked)
    returning id, attempts`
}

/** The request of a claimed mail, unless somebody else has it by now. */
export function lockMail(tx: Tx, { id, attempts }: ClaimedMail) {
  return tx<{ request_sealed: Uint8Array }[]>`
    select request_sealed from mail_queue where id = ${id} and attempts = ${attempts} for update`
}

export function replaceMailRequest(tx: Tx, id: string, requestSealed: Uint8Array) {
  return tx`update mail_queue set request_sealed = ${requestSealed} where id = ${id}`
}

export function postponeMail(tx: Tx, { id, attempts }: ClaimedMail, delayMs: number) {
  return tx`
    update mail_queue set next_attempt_at = now() + ${delayMs}::float8 * interval '1 ms'
    where id = ${id} and attempts = ${attempts}`
}

export function deleteMail(tx: Tx, id: string) {
  return tx`delete from mail_queue where id = ${id}`
}

export function selectMailQueueStats(tx: Tx) {
  return tx<MailQueueStats[]>`
    select count(*) as waiting,
      coalesce(extract(epoch from now() - min(created_at)) * 1000, 0)::float8 as "oldestMs"
    from mail_queue`
}

/** Counts of hours that are over. */
export function deleteOldMailCounts(tx: Tx) {
  return tx`delete from mail_counts where since < now() - interval '1 hour'`
}
