import type { Tx } from '@memoric/postgres/lease.ts'
import { selectEditsAfter } from '../edits/edit-repository.ts'
import { editView, openEdit } from '../edits/edit-row.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import type { ExportLine } from './export-lines.ts'

const PAGE = 200

/** Every edit of the memories of a subject, also those that were rejected or undone. */
export async function* editLines(tx: Tx, place: SubjectPlace, keys: SubjectKeys): AsyncGenerator<ExportLine> {
  let rows: Awaited<ReturnType<typeof selectEditsAfter>> | [] = []
  do {
    rows = await selectEditsAfter(tx, place, rows.at(-1)?.id ?? null, PAGE)
    for (const row of rows) {
      const view = editView(row, openEdit(keys, row))
      const memory_created_at = row.memory_created_at.toISOString()
      yield { type: 'edit', ...view, id: row.id, memory_id: row.memory_id, version: row.version, memory_created_at }
    }
  } while (rows.length === PAGE)
}
