import { NOTE_KINDS } from '@memoric/contracts/note-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import { openRow } from '../memories/memory-row.ts'
import { kindOf } from '../notes/kind-of.ts'
import { notesWithMemories } from '../notes/note-repository.ts'
import { frameOf, type NoteRow } from '../notes/note-row.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import type { ExportLine, NoteLine, Reference } from './export-lines.ts'
import { referencesTo } from './references.ts'

const PAGE = 200

/** What every knowledge note and every decision has beside its memory, in the order in which they were made. */
export async function* noteLines(tx: Tx, place: SubjectPlace, keys: SubjectKeys): AsyncGenerator<ExportLine> {
  for (const kind of NOTE_KINDS) {
    for (let after: string | null = null; ;) {
      const rows: readonly NoteRow[] = await selectAfter(tx, place, kind, after)
      const named = rows.flatMap(({ sources, supersedes, superseded_by }) => [
        ...sources,
        ...(supersedes === null ? [] : [supersedes]),
        ...(superseded_by === null ? [] : [superseded_by]),
      ])
      const reference = await referencesTo(tx, place.tenantId, named)
      for (const row of rows) yield lineOf(keys, row, reference)
      const last = rows.at(-1)
      if (last === undefined) break
      after = last.id
    }
  }
}

function selectAfter(tx: Tx, { tenantId, subjectId }: SubjectPlace, kind: NoteRow['kind'], after: string | null) {
  return tx<NoteRow[]>`
    ${notesWithMemories(tx)}
    where n.tenant_id = ${tenantId} and n.subject_id = ${subjectId} and n.kind = ${kind}
      and (${after}::uuid is null or n.id > ${after})
    order by n.id limit ${PAGE}`
}

function lineOf(keys: SubjectKeys, row: NoteRow, reference: (id: NoteRow['id']) => Reference): NoteLine {
  const { with_whom } = kindOf(row.kind).view(row, openRow(keys, row))
  const { confidence, superseded_at, created_at } = frameOf(row)
  const { subject_id, id, namespace, written_by, kind, sources, supersedes, superseded_by } = row
  return {
    type: 'note',
    subject_id,
    id,
    namespace,
    with_whom,
    created_at,
    written_by,
    kind,
    confidence,
    sources: sources.map(reference),
    supersedes: supersedes === null ? null : reference(supersedes),
    superseded_by: superseded_by === null ? null : reference(superseded_by),
    superseded_at,
  }
}
