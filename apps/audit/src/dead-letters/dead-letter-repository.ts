import type { Tx } from '@memoric/postgres/lease.ts'

export interface DeadLetterRow {
  readonly id: string
  readonly tenant_id: string | null
  readonly event_id: string | null
  readonly app: string | null
  readonly subject: string
  readonly reason: string
  readonly bytes: number
  readonly deliveries: number
  readonly first_at: Date
  readonly last_at: Date
  readonly replayed_at: Date | null
  readonly replayed_by: string | null
  readonly emptied_at: Date | null
}

/** A letter with what is in it. */
export interface SealedLetter {
  readonly id: string
  readonly subject: string
  readonly digest: Buffer
  readonly sealed: Buffer
}

export interface NewDeadLetter extends Pick<
  DeadLetterRow,
  'id' | 'tenant_id' | 'event_id' | 'app' | 'subject' | 'reason' | 'bytes'
> {
  /** SHA-256 of subject and payload. */
  readonly digest: Buffer
  readonly sealed: Buffer
}

/** Where a list of dead letters goes on, and which it is about; null is everything. */
export interface DeadLetterPage {
  readonly tenantId: string | null
  readonly state: 'waiting' | 'replayed' | null
  readonly before: string | null
  readonly limit: number
}

function columns(tx: Tx) {
  return tx`id, tenant_id, event_id, app, subject, reason, bytes, deliveries, first_at, last_at, replayed_at, replayed_by,
    emptied_at`
}

/** Keeps a letter; one that came before is counted once more. Gives the id of a new one. */
export async function insertDeadLetter(tx: Tx, letter: NewDeadLetter): Promise<string | null> {
  const [row] = await tx<{ id: string }[]>`
    insert into dead_letters (id, tenant_id, event_id, app, subject, reason, bytes, digest, sealed)
    values (
      ${letter.id}, ${letter.tenant_id}, ${letter.event_id}, ${letter.app}, ${letter.subject}, ${letter.reason},
      ${letter.bytes}, ${letter.digest}, ${letter.sealed}
    )
    on conflict (digest) do update set
      deliveries = dead_letters.deliveries + 1, last_at = now(), reason = excluded.reason
    returning id`
  return row?.id === letter.id ? row.id : null
}

/** Newest first. */
export function findDeadLetters(tx: Tx, { tenantId, state, before, limit }: DeadLetterPage) {
  return tx<DeadLetterRow[]>`
    select ${columns(tx)} from dead_letters
    where (${tenantId}::uuid is null or tenant_id = ${tenantId}::uuid)
      and (${state}::text is null or (replayed_at is not null) = (${state}::text = 'replayed'))
      and (${before}::uuid is null or id < ${before}::uuid)
    order by id desc limit ${limit}`
}

/** A letter with its content, and whether somebody gives it to the log now. */
export interface FoundLetter extends DeadLetterRow {
  readonly sealed: Buffer
  readonly is_claimed: boolean
}

export function findDeadLetter(tx: Tx, id: string) {
  return tx<FoundLetter[]>`
    select ${columns(tx)}, sealed, coalesce(claimed_until > now(), false) as is_claimed from dead_letters where id = ${id}`
}

/** Takes a letter to give it to the log, for `seconds` at most; no row when somebody else has it, or the log has. */
export function claimLetter(tx: Tx, id: string, seconds: number) {
  return tx<{ id: string }[]>`
    update dead_letters set claimed_until = now() + make_interval(secs => ${seconds})
    where id = ${id} and replayed_at is null and (claimed_until is null or claimed_until < now())
    returning id`
}

export function releaseLetter(tx: Tx, id: string) {
  return tx`update dead_letters set claimed_until = null where id = ${id}`
}

/** Notes that the log has it now; no row when somebody did before. */
export function markReplayed(tx: Tx, id: string, by: string) {
  return tx<{ id: string }[]>`
    update dead_letters set replayed_at = now(), replayed_by = ${by}, claimed_until = null
    where id = ${id} and replayed_at is null returning id`
}

export function noteReason(tx: Tx, id: string, reason: string) {
  return tx<{ id: string }[]>`
    update dead_letters set reason = ${reason}, claimed_until = null where id = ${id} and replayed_at is null returning id`
}

/** Letters that are of a tenant or do not say whose they are, and have not been emptied, by their ids. */
export function selectLettersOf(tx: Tx, tenantId: string, after: string, max: number) {
  return tx<SealedLetter[]>`
    select id, subject, digest, sealed from dead_letters
    where (tenant_id = ${tenantId} or tenant_id is null) and emptied_at is null and id > ${after}
    order by id limit ${max}`
}

export function emptyLetter(tx: Tx, id: string, sealed: Buffer) {
  return tx`update dead_letters set sealed = ${sealed}, emptied_at = now() where id = ${id}`
}

/** Letters of a tenant, or of none, that were dropped, and how many of them the log never took. */
export interface DroppedLetters {
  readonly tenantId: string | null
  readonly letters: number
  readonly waiting: number
}

/** Drops up to `max` letters that came last more than `days` ago; those of tenants on legal hold stay. */
export function dropOldLetters(tx: Tx, days: number, max: number) {
  return tx<DroppedLetters[]>`
    with gone as (
      delete from dead_letters where id = any (array(
        select id from dead_letters as old
        where last_at < now() - make_interval(days => ${days}) and not exists (
          select from retention_settings where retention_settings.tenant_id = old.tenant_id and legal_hold)
        order by last_at limit ${max} for update skip locked))
      returning tenant_id, replayed_at
    )
    select tenant_id as "tenantId", count(*)::int as letters, (count(*) filter (where replayed_at is null))::int as waiting
    from gone group by tenant_id`
}
