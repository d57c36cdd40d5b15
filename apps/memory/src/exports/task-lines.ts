import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import { openRow } from '../memories/memory-row.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { tasksWithMemories } from '../tasks/task-repository.ts'
import { type TaskRow, taskView } from '../tasks/task-row.ts'
import type { ExportLine, Reference, TaskLine } from './export-lines.ts'
import { referencesTo } from './references.ts'

const PAGE = 200

/** What every task has beside its memory, in the order in which they were made. */
export async function* taskLines(tx: Tx, place: SubjectPlace, keys: SubjectKeys): AsyncGenerator<ExportLine> {
  for (let after: string | null = null; ;) {
    const rows: readonly TaskRow[] = await selectAfter(tx, place, after)
    const named = rows.flatMap(({ depends_on }) => depends_on)
    const reference = await referencesTo(tx, place.tenantId, named)
    for (const row of rows) yield lineOf(keys, row, reference)
    const last = rows.at(-1)
    if (last === undefined) return
    after = last.id
  }
}

function selectAfter(tx: Tx, { tenantId, subjectId }: SubjectPlace, after: string | null) {
  return tx<TaskRow[]>`
    ${tasksWithMemories(tx)}
    where t.tenant_id = ${tenantId} and t.subject_id = ${subjectId} and (${after}::uuid is null or t.id > ${after})
    order by t.id limit ${PAGE}`
}

function lineOf(keys: SubjectKeys, row: TaskRow, reference: (id: TaskRow['id']) => Reference): TaskLine {
  const { with_whom, priority, due_at, ended_at, created_at, state } = taskView(row, openRow(keys, row))
  const { subject_id, id, namespace, written_by, depends_on, times_claimed, ended_by } = row
  return {
    type: 'task',
    subject_id,
    id,
    namespace,
    with_whom,
    created_at,
    written_by,
    priority,
    due_at,
    depends_on: depends_on.map(reference),
    times_claimed,
    outcome: state === 'done' || state === 'cancelled' ? state : null,
    ended_at,
    ended_by,
  }
}
