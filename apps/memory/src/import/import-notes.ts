import type { Tx } from '@memoric/postgres/lease.ts'
import type { NoteLine, Reference } from '../exports/export-lines.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import { nameFingerprint } from '../persons/name-fingerprint.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import type { IdOfMemory } from './import-records.ts'

/** Writes what a note has beside its memory, if that is there and the note is not, and gives how many that were. */
export async function importNote(
  tx: Tx,
  place: SubjectPlace,
  keys: SubjectKeys,
  line: NoteLine,
  idOf: IdOfMemory,
): Promise<number> {
  const id = await idOf(line.id, line.created_at)
  const sources = await idsOf(line.sources, idOf)
  const [supersedes = null] = await idsOf(line.supersedes === null ? [] : [line.supersedes], idOf)
  const [supersededBy = null] = await idsOf(line.superseded_by === null ? [] : [line.superseded_by], idOf)
  const rows = await tx`
    insert into notes (
      tenant_id, id, subject_id, namespace, kind, confidence, with_whom, sources, supersedes, superseded_by,
      superseded_at, created_at, written_by
    )
    select tenant_id, id, subject_id, namespace, ${line.kind}, ${line.confidence},
      ${line.with_whom === null ? null : nameFingerprint(keys, line.with_whom)}::bytea, ${sources}::uuid[],
      ${supersedes}::uuid, ${supersededBy}::uuid,
      ${supersededBy === null ? null : (line.superseded_at ?? line.created_at)}::timestamptz, created_at,
      ${line.written_by}
    from memories
    where tenant_id = ${place.tenantId} and id = ${id} and subject_id = ${place.subjectId}
    on conflict do nothing returning 1`
  return rows.length
}

/** The ids that records have here. */
export async function idsOf(references: readonly Reference[], idOf: IdOfMemory): Promise<string[]> {
  const ids: string[] = []
  for (const { id, created_at } of references) ids.push(created_at === null ? id : await idOf(id, created_at))
  return ids
}
