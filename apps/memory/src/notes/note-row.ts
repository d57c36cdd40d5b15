import type { MemoryId, TenantId } from '@memoric/contracts/ids.ts'
import type { NoteKind, NoteStatus } from '@memoric/contracts/note-contract.ts'
import { type MemoryRow, tidyImportance } from '../memories/memory-row.ts'
import { provenanceView, standingView } from '../provenance/provenance-view.ts'

/** A row of `notes` as the driver gives it, with the current version of its memory. */
export interface NoteRow extends Pick<
  MemoryRow,
  'version' | 'updated_at' | 'sealed' | 'trust' | 'standing' | 'withheld'
> {
  readonly tenant_id: TenantId
  readonly id: MemoryId
  readonly subject_id: string
  readonly namespace: string
  readonly kind: NoteKind
  readonly confidence: number
  readonly with_whom: Buffer | null
  readonly sources: readonly MemoryId[]
  readonly supersedes: MemoryId | null
  readonly superseded_by: MemoryId | null
  readonly superseded_at: Date | null
  readonly created_at: Date
  readonly written_by: string
}

export function statusOf({ superseded_by }: Pick<NoteRow, 'superseded_by'>): NoteStatus {
  return superseded_by === null ? 'active' : 'superseded'
}

/** What of a row is stored with the note itself. */
export type OwnNoteRow = Omit<NoteRow, 'version' | 'updated_at' | 'sealed' | 'trust' | 'standing' | 'withheld'>

/** What callers see of every note besides its words. */
export function frameOf(row: Omit<NoteRow, 'sealed'>) {
  return {
    id: row.id,
    subject_id: row.subject_id,
    namespace: row.namespace,
    version: row.version,
    status: statusOf(row),
    sources: [...row.sources],
    confidence: tidyImportance(row.confidence),
    supersedes: row.supersedes,
    superseded_by: row.superseded_by,
    superseded_at: row.superseded_at?.toISOString() ?? null,
    trust: provenanceView({ written_by: row.written_by, source: null, trust: row.trust }).trust,
    standing: standingView(row).standing,
    written_by: row.written_by,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  }
}
