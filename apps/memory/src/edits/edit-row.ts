import type { Edit, EditOperation, EditStatus } from '@memoric/contracts/edit-contract.ts'
import type { EditId, MemoryId, TenantId } from '@memoric/contracts/ids.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import { type EditReasons, openReasons } from './edit-box.ts'

/** A row of `memory_edits` as the driver gives it. */
export interface EditRow {
  readonly tenant_id: TenantId
  readonly id: EditId
  readonly subject_id: string
  readonly namespace: string
  readonly memory_id: MemoryId
  readonly memory_version: number
  readonly operation: EditOperation
  readonly factor: number | null
  readonly status: EditStatus
  readonly version: number
  readonly proposed_by: string
  readonly proposed_at: Date
  readonly decided_by: string | null
  readonly decided_at: Date | null
  readonly undone_by: string | null
  readonly undone_at: Date | null
  readonly sealed: Buffer
}

export function openEdit(keys: SubjectKeys, row: EditRow): EditReasons {
  const place = { tenantId: row.tenant_id, subjectId: row.subject_id, id: row.id, version: row.version }
  return openReasons(keys, place, row.sealed)
}

/** The edit as callers see it. */
export function editView(row: Omit<EditRow, 'sealed'>, { reason, decision, undo }: EditReasons): Edit {
  return {
    id: row.id,
    memory_id: row.memory_id,
    memory_version: row.memory_version,
    subject_id: row.subject_id,
    namespace: row.namespace,
    operation: row.operation,
    factor: row.factor === null ? null : Math.round(row.factor * 1e6) / 1e6,
    status: row.status,
    reason,
    proposed_by: row.proposed_by,
    proposed_at: row.proposed_at.toISOString(),
    decided_by: row.decided_by,
    decided_at: row.decided_at?.toISOString() ?? null,
    decision_reason: decision,
    undone_by: row.undone_by,
    undone_at: row.undone_at?.toISOString() ?? null,
    undo_reason: undo,
  }
}
