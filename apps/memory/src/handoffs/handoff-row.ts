import type { Handoff, HandoffVersion } from '@memoric/contracts/handoff-contract.ts'
import type { MemoryId, TenantId } from '@memoric/contracts/ids.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import { tidyImportance } from '../memories/memory-row.ts'
import { type HandoffParts, openParts } from './handoff-box.ts'

/** A row of `handoffs` as the driver gives it. */
export interface HandoffRow {
  readonly tenant_id: TenantId
  readonly id: MemoryId
  readonly subject_id: string
  readonly namespace: string
  readonly session_id: string
  readonly with_whom: Buffer
  readonly version: number
  readonly significance: number
  readonly occurred_at: Date
  readonly created_at: Date
  readonly updated_at: Date
  readonly written_by: string
  readonly becoming_by: string | null
  readonly becoming_at: Date | null
  readonly fingerprint: Buffer
  readonly sealed: Buffer
}

/** A version of a handoff, current or replaced. */
export interface HandoffVersionRow extends Pick<
  HandoffRow,
  'tenant_id' | 'id' | 'subject_id' | 'version' | 'significance' | 'occurred_at' | 'written_by' | 'sealed'
> {
  readonly written_at: Date
  readonly replaced_at: Date | null
}

type SealedRow = Pick<HandoffRow, 'tenant_id' | 'id' | 'subject_id' | 'version' | 'sealed'>

export function openHandoff(keys: SubjectKeys, row: SealedRow): HandoffParts {
  const place = { tenantId: row.tenant_id, subjectId: row.subject_id, id: row.id, version: row.version }
  return openParts(keys, place, row.sealed)
}

/** The handoff as callers see it. */
export function handoffView(row: Omit<HandoffRow, 'sealed'>, parts: HandoffParts): Handoff {
  return {
    id: row.id,
    subject_id: row.subject_id,
    namespace: row.namespace,
    session_id: row.session_id,
    ...told(row, parts),
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  }
}

export function handoffVersionView(row: HandoffVersionRow, parts: HandoffParts): HandoffVersion {
  return {
    ...told(row, parts),
    written_at: row.written_at.toISOString(),
    replaced_at: row.replaced_at?.toISOString() ?? null,
  }
}

type Told = Pick<HandoffRow, 'version' | 'significance' | 'occurred_at' | 'written_by'>

function told({ version, significance, occurred_at, written_by }: Told, parts: HandoffParts) {
  return {
    ...parts,
    tags: [...parts.tags],
    version,
    significance: tidyImportance(significance),
    occurred_at: occurred_at.toISOString(),
    written_by,
  }
}
