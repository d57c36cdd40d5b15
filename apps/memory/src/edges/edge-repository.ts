import type { EdgeDirection, EdgeType } from '@memoric/contracts/edge-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import type { EdgeRow } from './edge-row.ts'

/** Columns of an EdgeRow; `e` is the table. */
function columns(tx: Tx) {
  return tx`e.tenant_id, e.id, e.type, e.from_id, e.to_id, e.subject_id, e.namespace, e.to_subject_id, e.to_namespace,
    e.created_at, e.created_by, e.sealed`
}

/** Lets one transaction at a time of a tenant link memories by a type whose edges lead in no circle. */
export function lockEdges(tx: Tx, tenantId: string, type: EdgeType) {
  return tx`select pg_advisory_xact_lock(hashtextextended(${`${tenantId} ${type}`}, 2))`
}

/** A row when edges of the type lead from one memory to another; of all subjects, or circles would go unseen. */
export function selectWay(tx: Tx, tenantId: string, type: EdgeType, fromId: string, toId: string) {
  return tx<{ id: string }[]>`
    with recursive reached (id) as (
      select ${fromId}::uuid
      union
      select e.to_id from reached r join edges e on e.tenant_id = ${tenantId} and e.from_id = r.id and e.type = ${type}
    )
    select id from reached where id = ${toId} limit 1`
}

export function countEdgesFrom(tx: Tx, tenantId: string, fromId: string) {
  return tx<{ count: number }[]>`
    select count(*)::int as count from edges where tenant_id = ${tenantId} and from_id = ${fromId}`
}

/** The edge of this type between two memories. */
export function selectSameEdge(tx: Tx, { tenant_id, type, from_id, to_id }: EdgeRow) {
  return tx<EdgeRow[]>`
    select ${columns(tx)} from edges e
    where e.tenant_id = ${tenant_id} and e.from_id = ${from_id} and e.type = ${type} and e.to_id = ${to_id}`
}

export function insertEdge(tx: Tx, row: EdgeRow) {
  return tx`
    insert into edges (
      tenant_id, id, type, from_id, to_id, subject_id, namespace, to_subject_id, to_namespace, created_at, created_by, sealed
    ) values (
      ${row.tenant_id}, ${row.id}, ${row.type}, ${row.from_id}, ${row.to_id}, ${row.subject_id}, ${row.namespace},
      ${row.to_subject_id}, ${row.to_namespace}, ${row.created_at}, ${row.created_by}, ${row.sealed}
    )`
}

/** Deletes an edge that the caller may see. */
export function removeEdge(tx: Tx, tenantId: string, id: string) {
  return tx<EdgeRow[]>`delete from edges e where e.tenant_id = ${tenantId} and e.id = ${id} returning ${columns(tx)}`
}

interface EdgePage {
  readonly subjectId?: string | undefined
  readonly memoryId?: string
  readonly direction?: EdgeDirection
  readonly type: EdgeType | undefined
  readonly before: string | null
  readonly limit: number
}

/** Edges of a subject, of a memory or of all that the caller may see, between live memories, newest first. */
export function selectEdges(tx: Tx, tenantId: string, page: EdgePage) {
  const { subjectId, memoryId, direction = 'both', type, before, limit } = page
  return tx<EdgeRow[]>`
    select ${columns(tx)} from edges e
    where e.tenant_id = ${tenantId} and ${areAlive(tx)}
      ${subjectId === undefined ? tx`` : tx`and e.subject_id = ${subjectId}`}
      ${memoryId === undefined ? tx`` : touches(tx, [memoryId], direction)}
      ${type === undefined ? tx`` : tx`and e.type = ${type}`}
      ${before === null ? tx`` : tx`and e.id < ${before}`}
    order by e.id desc limit ${limit}`
}

/** Edges that lead on from some memories, oldest first. */
export function selectSteps(
  tx: Tx,
  tenantId: string,
  ids: readonly string[],
  direction: EdgeDirection,
  types: readonly EdgeType[] | undefined,
  limit: number,
) {
  return tx<EdgeRow[]>`
    select ${columns(tx)} from edges e
    where e.tenant_id = ${tenantId} and ${areAlive(tx)} ${touches(tx, ids, direction)}
      ${types === undefined ? tx`` : tx`and e.type = any (${[...types]}::text[])`}
    order by e.id limit ${limit}`
}

function touches(tx: Tx, ids: readonly string[], direction: EdgeDirection) {
  const all = tx`any (${[...ids]}::uuid[])`
  if (direction === 'out') return tx`and e.from_id = ${all}`
  if (direction === 'in') return tx`and e.to_id = ${all}`
  return tx`and (e.from_id = ${all} or e.to_id = ${all})`
}

function areAlive(tx: Tx) {
  const isAlive = (id: ReturnType<Tx>) => tx`exists (
    select from memories m
    where m.tenant_id = e.tenant_id and m.id = ${id} and (m.expires_at is null or m.expires_at > now())
  )`
  return tx`${isAlive(tx`e.from_id`)} and ${isAlive(tx`e.to_id`)}`
}

/** Properties that another key than this sealed; a box has the id of its key in the four bytes after the first. */
export function selectEdgesOfOtherKeys(tx: Tx, { tenantId, subjectId }: SubjectPlace, keyId: Buffer, limit: number) {
  return tx<{ id: string; sealed: Buffer }[]>`
    select id, sealed from edges
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and substring(sealed from 2 for 4) <> ${keyId}
    limit ${limit}`
}

export function updateEdgeBox(tx: Tx, tenantId: string, id: string, sealed: Buffer) {
  return tx`update edges set sealed = ${sealed} where tenant_id = ${tenantId} and id = ${id}`
}

/** Edges that leave memories of a subject, after `after`, with what tells their memories apart. */
export function selectEdgesAfter(tx: Tx, { tenantId, subjectId }: SubjectPlace, after: string | null, limit: number) {
  return tx<(EdgeRow & { from_created_at: Date; to_created_at: Date })[]>`
    select ${columns(tx)}, f.created_at as from_created_at, t.created_at as to_created_at
    from edges e
    join memories f on f.tenant_id = e.tenant_id and f.id = e.from_id
    join memories t on t.tenant_id = e.tenant_id and t.id = e.to_id
    where e.tenant_id = ${tenantId} and e.subject_id = ${subjectId} and (${after}::uuid is null or e.id > ${after})
    order by e.id limit ${limit}`
}
