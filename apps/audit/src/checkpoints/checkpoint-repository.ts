import type { Tx } from '@memoric/postgres/lease.ts'

/** A signed state of the log. */
export interface StoredCheckpoint {
  readonly size: number
  readonly root: Buffer
  /** Signed note, with the cosignatures that there are. */
  readonly note: string
}

/** The checkpoint of the largest tree; undefined while there is none. */
export async function latestCheckpoint(tx: Tx): Promise<StoredCheckpoint | undefined> {
  const [latest] = await selectLatest(tx)
  return latest
}

export function selectLatest(tx: Tx) {
  return tx<StoredCheckpoint[]>`
    select size, root, note || coalesce(
      (select string_agg(line, '' order by witness) from cosignatures where cosignatures.size = latest.size), '') as note
    from (select size, root, note from checkpoints order by size desc limit 1) as latest`
}

/** Gives the size, or nothing when another process has signed this state. */
export function insertCheckpoint(tx: Tx, { size, root, note }: StoredCheckpoint, createdAt: Date) {
  return tx<{ size: number }[]>`
    insert into checkpoints (size, root, note, created_at) values (${size}, ${root}, ${note}, ${createdAt})
    on conflict (size) do nothing
    returning size`
}

/** Keeps the signature of a witness on a checkpoint. */
export function insertCosignature(tx: Tx, { size, witness, line }: Cosignature, createdAt: Date) {
  return tx`
    insert into cosignatures (size, witness, line, created_at) values (${size}, ${witness}, ${line}, ${createdAt})
    on conflict (witness, size) do nothing`
}

export interface Cosignature {
  readonly size: number
  /** Verifier key. */
  readonly witness: string
  /** Signature line of the note. */
  readonly line: string
}

/** Size of the checkpoint that a witness cosigned last; 0 for none. */
export async function lastCosigned(tx: Tx, witness: string): Promise<number> {
  const [row] = await tx<{ size: number }[]>`
    select coalesce(max(size), 0)::bigint as size from cosignatures where witness = ${witness}`
  return row?.size ?? 0
}
