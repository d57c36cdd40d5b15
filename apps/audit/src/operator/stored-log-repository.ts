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
