import type { MemoryId, TenantId } from '@memoric/contracts/ids.ts'
import type { Memory, Tier } from '@memoric/contracts/memory-contract.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import {
  type ProvenanceColumns,
  provenanceView,
  type StandingColumns,
  standingView,
} from '../provenance/provenance-view.ts'
import { openAttributes, type PrivateAttributes } from './private-attributes.ts'

/** A row of `memories` as the driver gives it. */
export interface MemoryRow extends ProvenanceColumns, StandingColumns {
  readonly tenant_id: TenantId
  readonly id: MemoryId
  readonly subject_id: string
  readonly namespace: string
  readonly thread_id: string | null
  readonly session_id: string | null
  readonly seq: number
  readonly change: number
  readonly version: number
  readonly tier: Tier
  readonly importance: number
  readonly seen_count: number
  readonly occurred_at: Date
  readonly created_at: Date
  readonly updated_at: Date
  readonly expires_at: Date | null
  /** The summary that stands for it among others. */
  readonly summarised_by: MemoryId | null
  readonly sealed: Buffer
  /** Whether its thread is archived, where that was asked for. */
  readonly is_archived?: boolean | null
}

/** What of a row decides where its box opens. */
type SealedRow = Pick<MemoryRow, 'id' | 'subject_id' | 'version' | 'sealed'> & { readonly tenant_id: string }

/** Opens the private attributes of a row. */
export function openRow(keys: SubjectKeys, row: SealedRow): PrivateAttributes {
  const place = { tenantId: row.tenant_id, subjectId: row.subject_id, memoryId: row.id, version: row.version }
  return openAttributes(keys.content, place, row.sealed)
}

/** The memory as callers see it. */
export function memoryView(row: Omit<MemoryRow, 'sealed'>, attributes: PrivateAttributes): Memory {
  return {
    id: row.id,
    tenant_id: row.tenant_id,
    subject_id: row.subject_id,
    namespace: row.namespace,
    thread_id: row.thread_id,
    session_id: row.session_id,
    seq: row.seq,
    version: row.version,
    content: attributes.content,
    role: attributes.role,
    speaker: attributes.speaker,
    topic: attributes.topic,
    category: attributes.category,
    entities: [...attributes.entities],
    tags: [...attributes.tags],
    metadata: attributes.metadata,
    tier: row.tier,
    importance: tidyImportance(row.importance),
    sentiment: attributes.sentiment ?? null,
    enriched: [...(attributes.enrichment?.derived ?? [])],
    seen_count: row.seen_count,
    occurred_at: row.occurred_at.toISOString(),
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
    expires_at: row.expires_at?.toISOString() ?? null,
    ...provenanceView(row),
    ...standingView(row),
  }
}

/** Importance is stored with the precision of a `real`: six digits are exact. */
export function tidyImportance(importance: number): number {
  return Math.round(importance * 1e6) / 1e6
}
