import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { selectThreadsAfter, type ThreadRow } from '../threads/thread-repository.ts'
import { openTitle } from '../threads/title-box.ts'
import type { ExportLine, ThreadLine } from './export-lines.ts'

const PAGE = 200

/** Every thread that has a title or is archived. */
export async function* threadLines(tx: Tx, place: SubjectPlace, keys: SubjectKeys): AsyncGenerator<ExportLine> {
  let rows: readonly ThreadRow[] = []
  do {
    rows = await selectThreadsAfter(tx, place, rows.at(-1)?.id ?? null, PAGE)
    for (const row of rows) yield lineOf(keys, place, row)
  } while (rows.length === PAGE)
}

function lineOf(keys: SubjectKeys, place: SubjectPlace, row: ThreadRow): ThreadLine {
  return {
    type: 'thread',
    subject_id: place.subjectId,
    namespace: row.namespace,
    thread_id: row.thread_id,
    id: row.id,
    version: row.version,
    title: row.sealed === null ? null : openTitle(keys, { ...place, ...row }, row.sealed),
    archived_at: row.archived_at?.toISOString() ?? null,
    updated_at: row.updated_at.toISOString(),
  }
}
