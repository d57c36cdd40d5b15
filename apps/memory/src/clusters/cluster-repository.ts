import type { ListClustersQuery } from '@memoric/contracts/cluster-contract.ts'
import { byteaArray, timestampArray } from '@memoric/postgres/array-parameter.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

/** A row of `clusters`. */
export interface ClusterRow {
  readonly id: string
  readonly namespace: string
  readonly version: number
  readonly memories: number
  readonly latest_at: Date
  readonly built_at: Date
  readonly members_hash: Buffer
  readonly sealed: Buffer
}

/** How far the clusters of a subject are. */
export interface ClusterState {
  readonly change: number
  readonly valid_until: Date | null
}

export function selectState(tx: Tx, { tenantId, subjectId }: SubjectPlace) {
  return tx<ClusterState[]>`
    select change, valid_until from cluster_states where tenant_id = ${tenantId} and subject_id = ${subjectId}`
}

/** By what each cluster is known. */
export function selectHashes(tx: Tx, { tenantId, subjectId }: SubjectPlace) {
  return tx<Pick<ClusterRow, 'id' | 'version' | 'members_hash'>[]>`
    select id, version, members_hash from clusters where tenant_id = ${tenantId} and subject_id = ${subjectId}`
}

/** Where the last cluster of a page stands. */
export type ClusterPosition = readonly [memories: number, id: string]

/** Clusters after a position, the largest first. */
export function selectClusters(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  { namespace, min_size }: Pick<ListClustersQuery, 'namespace' | 'min_size'>,
  after: ClusterPosition | null,
  limit: number,
) {
  return tx<ClusterRow[]>`
    select id, namespace, version, memories, latest_at, built_at, members_hash, sealed from clusters
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and memories >= ${min_size}
      ${namespace === undefined ? tx`` : tx`and namespace = ${namespace}`}
      ${after === null ? tx`` : tx`and (memories < ${after[0]} or (memories = ${after[0]} and id > ${after[1]}))`}
    order by memories desc, id limit ${limit}`
}

/** Writes clusters, whole, in the place of what was there. */
export function upsertClusters(tx: Tx, { tenantId, subjectId }: SubjectPlace, rows: readonly ClusterRow[]) {
  const of = <T>(read: (row: ClusterRow) => T): T[] => rows.map(read)
  return tx`
    insert into clusters (
      tenant_id, subject_id, id, namespace, version, memories, latest_at, built_at, members_hash, sealed
    )
    select ${tenantId}, ${subjectId}, * from unnest(
      ${of(({ id }) => id)}::uuid[], ${of(({ namespace }) => namespace)}::text[],
      ${of(({ version }) => version)}::int[], ${of(({ memories }) => memories)}::int[],
      ${timestampArray(of((row) => row.latest_at))}::timestamptz[],
      ${timestampArray(of((row) => row.built_at))}::timestamptz[],
      ${byteaArray(of((row) => row.members_hash))}::bytea[],
      ${byteaArray(of((row) => row.sealed))}::bytea[]
    )
    on conflict (tenant_id, subject_id, id) do update
      set namespace = excluded.namespace, version = excluded.version, memories = excluded.memories,
        latest_at = excluded.latest_at, built_at = excluded.built_at, members_hash = excluded.members_hash,
        sealed = excluded.sealed`
}

/** Removes every cluster but these. */
export function removeOthers(tx: Tx, { tenantId, subjectId }: SubjectPlace, kept: readonly string[]) {
  return tx`
    delete from clusters
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and not (id = any (${[...kept]}::uuid[]))`
}

export function upsertState(tx: Tx, { tenantId, subjectId }: SubjectPlace, state: ClusterState, builtAt: Date) {
  return tx`
    insert into cluster_states (tenant_id, subject_id, change, built_at, valid_until)
    values (${tenantId}, ${subjectId}, ${state.change}, ${builtAt}, ${state.valid_until})
    on conflict (tenant_id, subject_id) do update
      set change = excluded.change, built_at = excluded.built_at, valid_until = excluded.valid_until`
}

/** Whether memories were deleted after a change; right while the subject is locked. */
export function selectDeletionsAfter(tx: Tx, { tenantId, subjectId }: SubjectPlace, change: number) {
  return tx<{ change: number }[]>`
    select change from memory_deletions
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and change > ${change} limit 1`
}

/** Drops the clusters of a subject: they are a cache. */
export function dropClusters(tx: Tx, { tenantId, subjectId }: SubjectPlace) {
  return tx`
    with states as (delete from cluster_states where tenant_id = ${tenantId} and subject_id = ${subjectId})
    delete from clusters where tenant_id = ${tenantId} and subject_id = ${subjectId}`
}
