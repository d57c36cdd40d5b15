import type { Tx } from '@memoric/postgres/lease.ts'
import { handoffColumns } from '../handoffs/handoff-repository.ts'
import {
  type HandoffRow,
  type HandoffVersionRow,
  handoffVersionView,
  handoffView,
  openHandoff,
} from '../handoffs/handoff-row.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import { openNames } from '../persons/person-box.ts'
import { selectPersons } from '../persons/person-repository.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import type { ExportLine, HandoffLine, HandoffVersionLine } from './export-lines.ts'

const PAGE = 200

/** Every handoff of a subject in the order in which they were made, each followed by its replaced versions, oldest first. */
export async function* handoffLines(tx: Tx, place: SubjectPlace, keys: SubjectKeys): AsyncGenerator<ExportLine> {
  for (let after: string | null = null; ;) {
    const rows: readonly HandoffRow[] = await selectAfter(tx, place, after)
    for (const row of rows) {
      yield lineOf(keys, row)
      if (row.version > 1) yield* versionLines(tx, keys, row)
    }
    const last = rows.at(-1)
    if (last === undefined) return
    after = last.id
  }
}

/** Every person with all names. */
export async function* personLines(tx: Tx, place: SubjectPlace, keys: SubjectKeys): AsyncGenerator<ExportLine> {
  for (let after: string | null = null; ;) {
    const rows: Awaited<ReturnType<typeof selectPersons>> = await selectPersons(tx, place, null, after, PAGE)
    for (const row of rows) {
      const { name, aliases } = openNames(keys, { ...place, ...row }, row.sealed)
      const { id, version, updated_at } = row
      const about = { subject_id: place.subjectId, id, version, updated_at: updated_at.toISOString() }
      yield { type: 'person', ...about, name, aliases: [...aliases] }
    }
    const last = rows.at(-1)
    if (last === undefined) return
    after = last.id
  }
}

async function* versionLines(tx: Tx, keys: SubjectKeys, handoff: HandoffRow): AsyncGenerator<ExportLine> {
  for (let after = 0; ;) {
    const rows: readonly HandoffVersionRow[] = await selectVersionsAfter(tx, handoff, after)
    for (const row of rows) yield versionLineOf(keys, handoff, row)
    const last = rows.at(-1)
    if (last === undefined) return
    after = last.version
  }
}

function selectAfter(tx: Tx, { tenantId, subjectId }: SubjectPlace, after: string | null) {
  return tx<HandoffRow[]>`
    select ${handoffColumns(tx)} from handoffs h
    where h.tenant_id = ${tenantId} and h.subject_id = ${subjectId} and (${after}::uuid is null or h.id > ${after})
    order by h.id limit ${PAGE}`
}

function selectVersionsAfter(tx: Tx, { tenant_id, id }: HandoffRow, after: number) {
  return tx<HandoffVersionRow[]>`
    select tenant_id, handoff_id as id, subject_id, version, significance, occurred_at, written_by, written_at,
      replaced_at, sealed
    from handoff_versions where tenant_id = ${tenant_id} and handoff_id = ${id} and version > ${after}
    order by version limit ${PAGE}`
}

function lineOf(keys: SubjectKeys, row: HandoffRow): HandoffLine {
  const becoming_at = row.becoming_at?.toISOString() ?? null
  const { id: _id, ...view } = handoffView(row, openHandoff(keys, row))
  return { type: 'handoff', ...view, id: row.id, becoming_by: row.becoming_by, becoming_at }
}

function versionLineOf(keys: SubjectKeys, handoff: HandoffRow, row: HandoffVersionRow): HandoffVersionLine {
  const { replaced_at, ...view } = handoffVersionView(row, openHandoff(keys, row))
  return {
    type: 'handoff_version',
    subject_id: row.subject_id,
    handoff_id: handoff.id,
    handoff_created_at: handoff.created_at.toISOString(),
    namespace: handoff.namespace,
    ...view,
    replaced_at: replaced_at ?? view.written_at,
  }
}
