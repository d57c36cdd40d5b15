import type { TenantId } from '@memoric/contracts/ids.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

export interface BlockRow {
  readonly block_id: string
  readonly model: string
  readonly format: number
  readonly vectors: number
  /** Null for a block that was named as known. */
  readonly sealed: Buffer | null
}

/** Blocks of one model in the order of their ids; those with a `known` id without their bytes. */
export function selectBlocks(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  model: string,
  known: readonly string[] = [],
) {
  return tx<BlockRow[]>`
    select block_id, model, format, vectors,
      case when block_id = any (${[...known]}::uuid[]) then null else sealed end as sealed
    from vector_blocks
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and model = ${model}
    order by block_id`
}

/** Blocks of any model in which a memory with one of these `seqs` may be. */
export function selectBlocksAround(tx: Tx, { tenantId, subjectId }: SubjectPlace, seqs: readonly number[]) {
  return tx<BlockRow[]>`
    select block_id, model, format, vectors, sealed
    from vector_blocks
    where tenant_id = ${tenantId} and subject_id = ${subjectId}
      and exists (select from unnest(${[...seqs]}::bigint[]) as seq where seq between first_seq and last_seq)
    order by block_id`
}

export function selectBlocksById(tx: Tx, { tenantId, subjectId }: SubjectPlace, blockIds: readonly string[]) {
  return tx<BlockRow[]>`
    select block_id, model, format, vectors, sealed
    from vector_blocks
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and block_id = any (${[...blockIds]}::uuid[])
    order by block_id`
}

/** How large the blocks of a model are, sealed. */
export function selectBlockSizes(tx: Tx, { tenantId, subjectId }: SubjectPlace, model: string) {
  return tx<{ block_id: string; vectors: number; bytes: number }[]>`
    select block_id, vectors, octet_length(sealed) as bytes
    from vector_blocks
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and model = ${model}
    order by block_id`
}

/** Blocks that another key than this sealed. */
export function selectBlocksOfOtherKeys(tx: Tx, { tenantId, subjectId }: SubjectPlace, keyId: number, limit: number) {
  const id = Buffer.alloc(4)
  id.writeUInt32BE(keyId)
  // A box has the id of its key in the four bytes after the first.
  return tx<BlockRow[]>`
    select block_id, model, format, vectors, sealed
    from vector_blocks
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and substring(sealed from 2 for 4) <> ${id}
    order by block_id limit ${limit}`
}

/** A sealed block that is ready to be written. */
export interface SealedBlock {
  readonly blockId: string
  readonly model: string
  readonly firstSeq: number
  readonly lastSeq: number
  readonly vectors: number
  readonly format: number
  readonly sealed: Buffer
}

export function insertBlock(tx: Tx, { tenantId, subjectId }: SubjectPlace, block: SealedBlock) {
  return tx`
    insert into vector_blocks (tenant_id, subject_id, block_id, model, first_seq, last_seq, vectors, format, sealed)
    values (
      ${tenantId}, ${subjectId}, ${block.blockId}, ${block.model}, ${block.firstSeq}, ${block.lastSeq},
      ${block.vectors}, ${block.format}, ${block.sealed}
    )`
}

export function updateBlock(tx: Tx, { tenantId, subjectId }: SubjectPlace, blockId: string, sealed: Buffer) {
  return tx`
    update vector_blocks set sealed = ${sealed}
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and block_id = ${blockId}`
}

export function deleteBlocks(tx: Tx, { tenantId, subjectId }: SubjectPlace, blockIds: readonly string[]) {
  return tx<{ block_id: string }[]>`
    delete from vector_blocks
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and block_id = any (${[...blockIds]}::uuid[])
    returning block_id`
}

/** Where memories are now; none for those that are gone or have expired. */
export interface CurrentMemory {
  readonly id: string
  readonly version: number
  readonly seq: number
}

export function selectCurrent(tx: Tx, { tenantId, subjectId }: SubjectPlace, ids: readonly string[]) {
  return tx<CurrentMemory[]>`
    select id, version, seq from memories
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and id = any (${[...ids]}::uuid[])
      and (expires_at is null or expires_at > now())`
}

/** A process has the subject for itself until the lease ends. */
export interface Lease {
  readonly model: string
  readonly lease: string
  readonly seconds: number
}

/**
 * Takes a subject whose memories wait for vectors of a model; no row when there is nothing to do, another process is at it, its
 * consent was withdrawn, or its tenant refuses. Whoever has the lease takes it again for each step.
 */
export function claimSubject(tx: Tx, { tenantId, subjectId }: SubjectPlace, { model, lease, seconds }: Lease) {
  return tx<{ change: number }[]>`
    with waiting as (
      select s.tenant_id, s.subject_id, s.last_change from subjects s
      where s.tenant_id = ${tenantId} and s.subject_id = ${subjectId} and not s.stopped
        and not exists (select from embedding_refusals r where r.tenant_id = s.tenant_id)
      for key share of s
    )
    insert into vector_progress as p (tenant_id, subject_id, model, lease, leased_until)
    select tenant_id, subject_id, ${model}, ${lease}, now() + make_interval(secs => ${seconds}) from waiting
    where last_change > 0
    on conflict (tenant_id, subject_id, model) do update set lease = excluded.lease, leased_until = excluded.leased_until
    where (p.leased_until <= now() or p.lease = excluded.lease) and p.change < (select last_change from waiting)
    returning p.change`
}

/** Notes how far a subject is; no row when somebody else has it now, or it was erased. */
export function advanceSubject(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  { model, lease, seconds }: Lease,
  change: number,
) {
  return tx<{ change: number }[]>`
    update vector_progress
    set change = ${change}, touched_at = now(), leased_until = now() + make_interval(secs => ${seconds})
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and model = ${model} and lease = ${lease}
    returning change`
}

/** Ends a lease before its time. */
export function releaseSubject(tx: Tx, { tenantId, subjectId }: SubjectPlace, { model, lease }: Lease) {
  return tx`
    update vector_progress set lease = null, leased_until = '-infinity'
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and model = ${model} and lease = ${lease}`
}

/** Has every memory of a subject looked at anew. */
export function restartSubject(tx: Tx, { tenantId, subjectId }: SubjectPlace, model: string) {
  return tx`
    update vector_progress set change = 0, lease = null, leased_until = '-infinity'
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and model = ${model}`
}

export interface WaitingSubject {
  readonly tenant_id: TenantId
  readonly subject_id: string
}

/** Subjects of all tenants whose memories wait for vectors and that nobody is at, those that changed first; in the system scope. */
export function selectWaiting(tx: Tx, model: string, limit: number) {
  return tx<WaitingSubject[]>`
    select s.tenant_id, s.subject_id ${waiting(tx, model)} and coalesce(p.leased_until, '-infinity') <= now()
    order by s.changed_at limit ${limit}`
}

/** How many changes of memories were not looked at yet; in the system scope. */
export function countWaiting(tx: Tx, model: string) {
  return tx<{ changes: number }[]>`
    select coalesce(sum(s.last_change - coalesce(p.change, 0)), 0)::bigint as changes ${waiting(tx, model)}`
}

function waiting(tx: Tx, model: string) {
  return tx`
    from subjects s left join vector_progress p
      on p.tenant_id = s.tenant_id and p.subject_id = s.subject_id and p.model = ${model}
    where not s.stopped and s.last_change > coalesce(p.change, 0)
      and not exists (select from embedding_refusals r where r.tenant_id = s.tenant_id)`
}

/** Drops what a subject has of other models that nobody has worked with for a day. */
export function deleteOtherModels(tx: Tx, { tenantId, subjectId }: SubjectPlace, model: string) {
  return tx`
    with old as (
      delete from vector_progress
      where tenant_id = ${tenantId} and subject_id = ${subjectId} and model <> ${model}
        and touched_at < now() - interval '1 day' and leased_until <= now()
      returning model
    )
    delete from vector_blocks b using old
    where b.tenant_id = ${tenantId} and b.subject_id = ${subjectId} and b.model = old.model`
}

/** Whether a tenant refuses. */
export function selectRefusal(tx: Tx, tenantId: string) {
  return tx<{ created_at: Date }[]>`select created_at from embedding_refusals where tenant_id = ${tenantId}`
}

/** No text of the tenant is given away any more, and its vectors go. */
export function refuseEmbeddings(tx: Tx, tenantId: string) {
  return [
    tx`insert into embedding_refusals (tenant_id) values (${tenantId}) on conflict do nothing`,
    tx`delete from vector_progress where tenant_id = ${tenantId}`,
    tx`delete from vector_blocks where tenant_id = ${tenantId}`,
  ] as const
}

export function allowEmbeddings(tx: Tx, tenantId: string) {
  return tx`delete from embedding_refusals where tenant_id = ${tenantId}`
}
