import type { Edge, EdgeType } from '@memoric/contracts/edge-contract.ts'
import type { EdgeId, MemoryId, TenantId } from '@memoric/contracts/ids.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import { openProperties } from './edge-box.ts'

/** A row of `edges` as the driver gives it. */
export interface EdgeRow {
  readonly tenant_id: TenantId
  readonly id: EdgeId
  readonly type: EdgeType
  readonly from_id: MemoryId
  readonly to_id: MemoryId
  readonly subject_id: string
  readonly namespace: string
  readonly to_subject_id: string
  readonly to_namespace: string
  readonly created_at: Date
  readonly created_by: string
  /** Null where there are no properties. */
  readonly sealed: Buffer | null
}

/** The edge as callers see it. */
export function edgeView(keys: SubjectKeys, row: EdgeRow): Edge {
  return {
    id: row.id,
    type: row.type,
    from: row.from_id,
    to: row.to_id,
    subject_id: row.subject_id,
    to_subject_id: row.to_subject_id,
    properties: row.sealed === null ? {} : openProperties(keys, placeOf(row), row.sealed),
    created_at: row.created_at.toISOString(),
    created_by: row.created_by,
  }
}

export function placeOf({ tenant_id, subject_id, id }: Pick<EdgeRow, 'tenant_id' | 'subject_id' | 'id'>) {
  return { tenantId: tenant_id, subjectId: subject_id, id }
}
