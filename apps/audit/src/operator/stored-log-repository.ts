import type { Tx } from '@memoric/postgres/lease.ts'

export interface SignedState {
  readonly size: number
  readonly root: Buffer
  readonly note: string
}

/** Every checkpoint, oldest first. */
export function checkpointsFrom(tx: Tx): PromiseLike<readonly SignedState[]> {
  return tx<SignedState[]>`select size, root, note from checkpoints order by size`
}

/** Places of the log, both ends included. */
export interface Stretch {
  readonly first: number
  readonly last: number
}

/** Where lines lay that retention dropped, as a table says that is not signed. */
export function droppedStretches(tx: Tx): PromiseLike<readonly Stretch[]> {
  return tx<Stretch[]>`select first_index as first, last_index as last from retention_runs`
}

/** A line with a leaf of its own, the personal data beside it, and the key of that, each null where there is none. */
export interface CommittedLine {
  readonly log_index: number
  readonly event_id: string
  readonly tenant_id: string
  readonly tenant_seq: number
  readonly canonical: string
  readonly actor: string | null
  readonly sealed: Buffer | null
  readonly key_id: string | null
  readonly wrapped: Buffer | null
}

/** Lines at the places from `first` to before `end`. */
export async function committedLines(tx: Tx, first: number, end: number): Promise<readonly CommittedLine[]> {
  return await tx<CommittedLine[]>`
    select line.log_index, line.event_id, line.tenant_id, line.tenant_seq, line.canonical,
      personal.actor, personal.sealed, keys.key_id, keys.wrapped
    from audit_logs as line
    left join personal_data as personal on personal.tenant_id = line.tenant_id and personal.event_id = line.event_id
    left join actor_keys as keys on keys.tenant_id = personal.tenant_id and keys.actor = personal.actor
      and keys.key_id = personal.key_id
    where line.log_index >= ${first} and line.log_index < ${end} and line.canonical is not null
    order by line.log_index`
}
