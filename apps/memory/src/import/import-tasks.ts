import type { Tx } from '@memoric/postgres/lease.ts'
import type { TaskLine } from '../exports/export-lines.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import { nameFingerprint } from '../persons/name-fingerprint.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { idsOf } from './import-notes.ts'
import type { IdOfMemory } from './import-records.ts'

/** Writes what a task has beside its memory, if that is there and the task is not, and gives how many that were. */
export async function importTask(
  tx: Tx,
  place: SubjectPlace,
  keys: SubjectKeys,
  line: TaskLine,
  idOf: IdOfMemory,
): Promise<number> {
  const id = await idOf(line.id, line.created_at)
  const rows = await tx`
    insert into tasks (
      tenant_id, id, subject_id, namespace, priority, due_at, with_whom, depends_on, times_claimed, outcome, ended_at,
      ended_by, created_at, written_by
    )
    select tenant_id, id, subject_id, namespace, ${line.priority}, ${line.due_at}::timestamptz,
      ${line.with_whom === null ? null : nameFingerprint(keys, line.with_whom)}::bytea,
      ${await idsOf(line.depends_on, idOf)}::uuid[], ${line.times_claimed}, ${line.outcome},
      ${line.outcome === null ? null : (line.ended_at ?? line.created_at)}::timestamptz, ${line.ended_by}, created_at,
      ${line.written_by}
    from memories
    where tenant_id = ${place.tenantId} and id = ${id} and subject_id = ${place.subjectId}
    on conflict do nothing returning 1`
  return rows.length
}
