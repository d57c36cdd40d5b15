import type { Tx } from '@memoric/postgres/lease.ts'
import { selectEdgesAfter } from '../edges/edge-repository.ts'
import { edgeView } from '../edges/edge-row.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import type { EdgeLine, ExportLine } from './export-lines.ts'

const PAGE = 200

type Row = Awaited<ReturnType<typeof selectEdgesAfter>>[number]

/** Every edge that leaves a memory of a subject, to whichever subject of the tenant: the scope of its own would hide those to others. */
export async function* edgeLines(tx: Tx, place: SubjectPlace, keys: SubjectKeys): AsyncGenerator<ExportLine> {
  const subjects = await seeSubjects(tx, '*')
  let rows: readonly Row[] = []
  do {
    rows = await selectEdgesAfter(tx, place, rows.at(-1)?.id ?? null, PAGE)
    for (const row of rows) yield lineOf(keys, row)
  } while (rows.length === PAGE)
  await seeSubjects(tx, subjects)
}

/** Sets which subjects of its tenant the transaction sees; gives which ones it saw. */
async function seeSubjects(tx: Tx, subjects: string): Promise<string> {
  const [row] = await tx<{ before: string }[]>`
    with before as materialized (select current_setting('memoric.subjects') as subjects)
    select subjects as before, set_config('memoric.subjects', ${subjects}, true) from before`
  return row?.before ?? '{}'
}

function lineOf(keys: SubjectKeys, row: Row): EdgeLine {
  const { type, from, to, ...view } = edgeView(keys, row)
  return {
    type: 'edge',
    ...view,
    id: row.id,
    properties: view.properties as EdgeLine['properties'],
    edge_type: type,
    from: { id: row.from_id, created_at: row.from_created_at.toISOString() },
    to: { id: row.to_id, created_at: row.to_created_at.toISOString() },
  }
}
