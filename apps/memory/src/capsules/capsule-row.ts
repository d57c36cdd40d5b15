import type { Capsule } from '@memoric/contracts/capsule-contract.ts'
import type { CapsuleId, TenantId } from '@memoric/contracts/ids.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import { openLabels } from './capsule-box.ts'

/** A row of `capsules` as the driver gives it. */
export interface CapsuleRow {
  readonly tenant_id: TenantId
  readonly id: CapsuleId
  readonly subject_id: string
  readonly created_by: string
  readonly audience: readonly string[]
  readonly created_at: Date
  readonly expires_at: Date
  readonly sealed: Buffer
  /** Memories that are in it. */
  readonly memories: number
}

/** A memory in a capsule, in the version that it was shared in. */
export interface SharedMemory {
  readonly memory_id: string
  readonly version: number
}

/** The capsule as callers see it. */
export function capsuleView(keys: SubjectKeys, row: CapsuleRow): Capsule {
  const place = { tenantId: row.tenant_id, subjectId: row.subject_id, id: row.id }
  return {
    id: row.id,
    subject_id: row.subject_id,
    ...openLabels(keys, place, row.sealed),
    memories: row.memories,
    audience: [...row.audience],
    created_by: row.created_by,
    created_at: row.created_at.toISOString(),
    expires_at: row.expires_at.toISOString(),
  }
}
