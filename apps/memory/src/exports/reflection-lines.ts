import type { MemoryId } from '@memoric/contracts/ids.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { type ReflectedRow, selectReflectionsAfter } from '../consolidations/reflected-repository.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import { openRow, tidyImportance } from '../memories/memory-row.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import type { ExportLine, ReflectionLine } from './export-lines.ts'

const PAGE = 200

/** What was made of which memories: every reflection and principle; its memory is a line of its own. */
export async function* reflectionLines(tx: Tx, place: SubjectPlace, keys: SubjectKeys): AsyncGenerator<ExportLine> {
  let rows: readonly ReflectedRow[] = []
  do {
    rows = await selectReflectionsAfter(tx, place, rows.at(-1)?.id ?? null, PAGE)
    for (const row of rows) yield lineOf(keys, place, row)
  } while (rows.length === PAGE)
}

function lineOf(keys: SubjectKeys, place: SubjectPlace, row: ReflectedRow): ReflectionLine {
  const { with_whom: name } = openRow(keys, { ...row, tenant_id: place.tenantId, subject_id: place.subjectId }).metadata
  const seed = row.sources.find(({ id }) => id === row.seed_id)
  return {
    type: 'reflection',
    subject_id: place.subjectId,
    id: row.id,
    created_at: row.created_at.toISOString(),
    namespace: row.namespace,
    kind: row.kind,
    with_whom: row.person !== null && typeof name === 'string' ? name : null,
    from: row.starts_on,
    to: row.ends_on,
    confidence: tidyImportance(row.confidence),
    seed: seed === undefined ? null : { ...referenceOf(seed), nth: row.seed_nth ?? 0 },
    sources: row.sources.map((source) => ({ ...referenceOf(source), version: source.version })),
  }
}

function referenceOf({ id, created_at }: { readonly id: MemoryId; readonly created_at: string }) {
  return { id, created_at: new Date(created_at).toISOString() }
}
