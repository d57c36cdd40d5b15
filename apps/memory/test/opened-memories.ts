import { memoryId, tenantId } from '@memoric/contracts/ids.ts'
import type { Memory } from '@memoric/contracts/memory-contract.ts'
import type { OpenedMemory } from '../src/search/open-best.ts'

/** A memory as a search gives it; the number tells it from others. */
export function opened(number: number, content: string, more: Partial<Memory> = {}): OpenedMemory {
  const id = memoryId.parse(`00000000-0000-7000-8000-${String(number).padStart(12, '0')}`)
  const time = new Date(Date.UTC(2026, 0, 1, 0, number)).toISOString()
  const memory: Memory = {
    id,
    tenant_id: tenantId.parse('00000000-0000-7000-8000-000000000001'),
    subject_id: 'ada',
    namespace: 'default',
    thread_id: null,
    session_id: null,
    seq: number + 1,
    version: 1,
    content,
    role: null,
    speaker: null,
    topic: null,
    category: null,
    entities: [],
    tags: [],
    metadata: {},
    tier: 'short_term',
    importance: 0.5,
    sentiment: null,
    enriched: [],
    seen_count: 1,
    occurred_at: time,
    created_at: time,
    updated_at: time,
    expires_at: null,
    provenance: { written_by: null, key_id: null, source: null },
    trust: 'standard',
    standing: 'current',
    standing_factor: 1,
    ...more,
  }
  return { id, memory, score: 1 - number / 1000, isArchived: false }
}
