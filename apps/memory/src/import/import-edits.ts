import type { MemoryId } from '@memoric/contracts/ids.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { sealReasons } from '../edits/edit-box.ts'
import { insertEdit, selectWeights, selectEdit, updateStanding } from '../edits/edit-repository.ts'
import { standingOfEdits } from '../edits/standing-of-edits.ts'
import type { EditLine } from '../exports/export-lines.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import { selectMemories } from '../memories/memory-read-repository.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

/** Writes an edit of a memory that is here, unless it is known, and gives how many that were. */
export async function importEdit(
  tx: Tx,
  place: SubjectPlace,
  keys: SubjectKeys,
  memoryId: MemoryId,
  line: EditLine,
): Promise<number> {
  const [memory] = await selectMemories(tx, place.tenantId, [memoryId])
  if (memory?.subject_id !== place.subjectId) return 0
  const { id, version } = line
  const reasons = { reason: line.reason, decision: line.decision_reason, undo: line.undo_reason }
  const made = await insertEdit(tx, {
    tenant_id: memory.tenant_id,
    id,
    subject_id: place.subjectId,
    namespace: memory.namespace,
    memory_id: memoryId,
    memory_version: line.memory_version,
    operation: line.operation,
    factor: line.factor,
    status: line.status,
    version,
    proposed_by: line.proposed_by,
    proposed_at: new Date(line.proposed_at),
    decided_by: line.decided_by,
    decided_at: timeOf(line.decided_at),
    undone_by: line.undone_by,
    undone_at: timeOf(line.undone_at),
    sealed: sealReasons(keys, { ...place, id, version }, reasons),
  })
  const standing = standingOfEdits(await selectWeights(tx, place.tenantId, memoryId))
  // The line of the memory says how it stands after all of its edits, of which this may be the first.
  if (standing.standing < memory.standing) await updateStanding(tx, place, memoryId, standing)
  return made.length
}

export async function isKnownEdit(tx: Tx, { tenantId }: SubjectPlace, { id }: EditLine): Promise<boolean> {
  return (await selectEdit(tx, tenantId, id)).length > 0
}

function timeOf(time: string | null): Date | null {
  return time === null ? null : new Date(time)
}
