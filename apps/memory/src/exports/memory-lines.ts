import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import { selectMemories, type VersionRow } from '../memories/memory-read-repository.ts'
import { memoryView, openRow, tidyImportance, type MemoryRow } from '../memories/memory-row.ts'
import { provenanceView } from '../provenance/provenance-view.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import type { ExportLine, MemoryLine, VersionLine } from './export-lines.ts'
import { declareMemoryIds, fetchMemoryIds, selectVersionsAfter } from './memory-lines-repository.ts'

const PAGE = 200

/** Every memory of a subject by its number, each followed by the versions that it has replaced, oldest first. */
export async function* memoryLines(tx: Tx, place: SubjectPlace, keys: SubjectKeys): AsyncGenerator<ExportLine> {
  await declareMemoryIds(tx, place)
  for (;;) {
    const ids = await fetchMemoryIds(tx, PAGE)
    if (ids.length === 0) return
    const rows = await selectMemories(tx, place.tenantId, ids)
    for (const row of rows.toSorted((a, b) => a.seq - b.seq)) {
      yield lineOf(keys, row)
      if (row.version > 1) yield* versionLines(tx, keys, row)
    }
  }
}

async function* versionLines(tx: Tx, keys: SubjectKeys, { tenant_id, id }: MemoryRow): AsyncGenerator<ExportLine> {
  for (let after = 0; ;) {
    const rows = await selectVersionsAfter(tx, tenant_id, id, after, PAGE)
    for (const row of rows) yield versionLineOf(keys, row)
    const last = rows.at(-1)
    if (last === undefined) return
    after = last.version
  }
}

function lineOf(keys: SubjectKeys, row: MemoryRow): MemoryLine {
  const attributes = openRow(keys, row)
  const { tenant_id: _tenant, ...memory } = memoryView(row, attributes)
  return { type: 'memory', ...memory, id: row.id, metadata: attributes.metadata }
}

function versionLineOf(keys: SubjectKeys, row: VersionRow): VersionLine {
  const { content, role, speaker, topic, category, entities, tags, metadata, sentiment, enrichment } = openRow(
    keys,
    row,
  )
  return {
    type: 'memory_version',
    memory_id: row.id,
    version: row.version,
    content,
    role,
    speaker,
    topic,
    category,
    entities: [...entities],
    tags: [...tags],
    metadata,
    tier: row.tier,
    importance: tidyImportance(row.importance),
    sentiment: sentiment ?? null,
    enriched: [...(enrichment?.derived ?? [])],
    occurred_at: row.occurred_at.toISOString(),
    expires_at: row.expires_at?.toISOString() ?? null,
    written_at: row.written_at.toISOString(),
    replaced_at: row.replaced_at.toISOString(),
    ...provenanceView(row),
  }
}
