import type { MemoryId } from '@memoric/contracts/ids.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import type { ReflectionRow } from './reflection-repository.ts'

/** A reflection with what its memory needs to be opened, and its sources. */
export interface ReflectedRow extends Omit<ReflectionRow, 'slot' | 'sources_hash'> {
  readonly created_at: Date
  readonly sealed: Buffer
  readonly sources: readonly { readonly id: MemoryId; readonly created_at: string; readonly version: number }[]
}

/** Reflections of a subject after `after`, by their ids. */
export function selectReflectionsAfter(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  after: string | null,
  limit: number,
) {
  return tx<ReflectedRow[]>`
    select r.id, r.namespace, r.kind, r.person, r.seed_id, r.seed_nth, to_char(r.starts_on, 'YYYY-MM-DD') as starts_on,
      to_char(r.ends_on, 'YYYY-MM-DD') as ends_on, r.confidence, m.version, m.created_at, m.sealed, (
        select coalesce(jsonb_agg(jsonb_build_object('id', s.id, 'created_at', s.created_at, 'version', s.version) order by s.id), '[]')
        from reflection_sources rs join memories s on s.tenant_id = rs.tenant_id and s.id = rs.source_id
        where rs.tenant_id = r.tenant_id and rs.reflection_id = r.id
      ) as sources
    from reflections r join memories m on m.tenant_id = r.tenant_id and m.id = r.id
    where r.tenant_id = ${tenantId} and r.subject_id = ${subjectId} and (${after}::uuid is null or r.id > ${after})
      and (m.expires_at is null or m.expires_at > now())
    order by r.id limit ${limit}`
}

/** Writes a reflection whose memory and sources are there, unless it is known; gives it if it was written. */
export function insertReflection(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  row: Omit<ReflectionRow, 'version'>,
  sourceIds: readonly string[],
) {
  return tx<{ id: string }[]>`
    with written as (
      insert into reflections (
        tenant_id, id, subject_id, namespace, kind, slot, person, seed_id, seed_nth, starts_on, ends_on, confidence,
        sources_hash, written_at
      )
      select ${tenantId}, m.id, ${subjectId}, m.namespace, ${row.kind}, ${row.slot}, ${row.person}, ${row.seed_id}::uuid,
        ${row.seed_nth}::int, ${row.starts_on}::date, ${row.ends_on}::date, ${row.confidence}, ${row.sources_hash}, m.updated_at
      from memories m
      where m.tenant_id = ${tenantId} and m.subject_id = ${subjectId} and m.id = ${row.id} and ${sourceIds.length} = (
        select count(*) from memories s
        where s.tenant_id = ${tenantId} and s.subject_id = ${subjectId} and s.id = any (${[...sourceIds]}::uuid[])
      )
      on conflict do nothing returning id, namespace
    ), sources as (
      insert into reflection_sources (tenant_id, reflection_id, source_id, subject_id, namespace)
      select ${tenantId}, written.id, source_id, ${subjectId}, written.namespace
      from written, unnest(${[...sourceIds]}::uuid[]) as t (source_id)
    )
    select id from written`
}

export function isKnownReflection(tx: Tx, { tenantId }: SubjectPlace, id: string) {
  return tx<{ id: string }[]>`select id from reflections where tenant_id = ${tenantId} and id = ${id}`
}
