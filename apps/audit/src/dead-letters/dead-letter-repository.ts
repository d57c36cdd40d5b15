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
    select id, tenant_id, event_id, app, subject, reason, bytes, deliveries, first_at, last_at, replayed_at, replayed_by
    from dead_letters
    where (${tenantId}::uuid is null or tenant_id = ${tenantId}::uuid)
      and (${state}::text is null or (replayed_at is not null) = (${state}::text = 'replayed'))
      and (${before}::uuid is null or id < ${before}::uuid)
    order by id desc limit ${limit}`
}

export function findDeadLetter(tx: Tx, id: string) {
  return tx<(DeadLetterRow & { sealed: Buffer })[]>`
    select id, tenant_id, event_id, app, subject, reason, bytes, deliveries, first_at, last_at, replayed_at, replayed_by,
      sealed
    from dead_letters where id = ${id}`
}

/** Notes that the log has it now, unless somebody did before. */
export function markReplayed(tx: Tx, id: string, by: string) {
  return tx`update dead_letters set replayed_at = now(), replayed_by = ${by} where id = ${id} and replayed_at is null`
}

export function noteReason(tx: Tx, id: string, reason: string) {
  return tx`update dead_letters set reason = ${reason} where id = ${id}`
}
