import type { MemoryId } from '@memoric/contracts/ids.ts'
import type { ConsolidationPeriod } from '@memoric/contracts/policy-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

export type ReflectionKind = ConsolidationPeriod | 'principle'

/** A row of `reflections` with the version of its memory. */
export interface ReflectionRow {
  readonly id: MemoryId
  readonly version: number
  readonly namespace: string
  readonly kind: ReflectionKind
  readonly slot: Buffer
  /** Fingerprint of a name of the person that it is about. */
  readonly person: Buffer | null
  readonly seed_id: string | null
  readonly seed_nth: number | null
  /** Days, as 2026-11-22. */
  readonly starts_on: string
  readonly ends_on: string
  readonly confidence: number
  readonly sources_hash: Buffer
}

function columns(tx: Tx) {
  return tx`r.id, r.namespace, r.kind, r.slot, r.person, r.seed_id, r.seed_nth,
    to_char(r.starts_on, 'YYYY-MM-DD') as starts_on, to_char(r.ends_on, 'YYYY-MM-DD') as ends_on, r.confidence,
    r.sources_hash, m.version`
}

/** Every reflection and principle of a subject. */
export function selectReflections(tx: Tx, { tenantId, subjectId }: SubjectPlace) {
  return tx<ReflectionRow[]>`
    select ${columns(tx)} from reflections r join memories m on m.tenant_id = r.tenant_id and m.id = r.id
    where r.tenant_id = ${tenantId} and r.subject_id = ${subjectId}`
}

/** What stands in a slot. */
export function selectSlot(tx: Tx, { tenantId, subjectId }: SubjectPlace, slot: Buffer) {
  return tx<ReflectionRow[]>`
    select ${columns(tx)} from reflections r join memories m on m.tenant_id = r.tenant_id and m.id = r.id
    where r.tenant_id = ${tenantId} and r.subject_id = ${subjectId} and r.slot = ${slot}`
}

type Written = Omit<ReflectionRow, 'version'>

/** Writes a reflection, whole, in the place of what was there, with its sources. Its memory is written already. */
export function upsertReflection(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  row: Written,
  sourceIds: readonly string[],
  now: Date,
) {
  return tx`
    with written as (
      insert into reflections (
        tenant_id, id, subject_id, namespace, kind, slot, person, seed_id, seed_nth, starts_on, ends_on, confidence,
        sources_hash, written_at
      ) values (
        ${tenantId}, ${row.id}, ${subjectId}, ${row.namespace}, ${row.kind}, ${row.slot}, ${row.person}, ${row.seed_id},
        ${row.seed_nth}, ${row.starts_on}, ${row.ends_on}, ${row.confidence}, ${row.sources_hash}, ${now}
      )
      on conflict (tenant_id, id) do update set starts_on = excluded.starts_on, ends_on = excluded.ends_on,
        confidence = excluded.confidence, sources_hash = excluded.sources_hash, written_at = excluded.written_at
    ), gone as (
      delete from reflection_sources
      where tenant_id = ${tenantId} and reflection_id = ${row.id} and source_id <> all (${[...sourceIds]}::uuid[])
    )
    insert into reflection_sources (tenant_id, reflection_id, source_id, subject_id, namespace)
    select ${tenantId}, ${row.id}, source_id, ${subjectId}, ${row.namespace}
    from unnest(${[...sourceIds]}::uuid[]) as t (source_id)
    on conflict do nothing`
}

/** How many of these memories are still there in these versions, and may be told; looked up one by one. */
export function countUnchanged(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  sources: readonly { readonly id: string; readonly version: number }[],
) {
  return tx<{ count: number }[]>`
    select count(*)::int as count
    from unnest(${sources.map(({ id }) => id)}::uuid[], ${sources.map(({ version }) => version)}::int[]) as s (id, version)
    cross join lateral (
      select from memories m
      where m.tenant_id = ${tenantId} and m.id = s.id and m.version = s.version and m.subject_id = ${subjectId}
        and m.standing > 0 and (m.expires_at is null or m.expires_at > now())
      limit 1
    ) as unchanged`
}

/** The reflections that were made of any of these memories. */
export function selectMadeOf(tx: Tx, { tenantId, subjectId }: SubjectPlace, sourceIds: readonly string[]) {
  return tx<{ id: MemoryId; starts_on: string }[]>`
    select r.id, to_char(r.starts_on, 'YYYY-MM-DD') as starts_on from reflections r
    where r.tenant_id = ${tenantId} and r.subject_id = ${subjectId} and r.id in (
      select reflection_id from reflection_sources where tenant_id = ${tenantId} and source_id = any (${[...sourceIds]}::uuid[])
    )`
}
