import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { ConsentRow } from '../privacy/consent-repository.ts'
import { openEvidence } from '../privacy/seal-evidence.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import type { ConsentLine, ExportLine } from './export-lines.ts'

const PAGE = 200

type Row = Omit<ConsentRow, 'holds' | 'is_valid'>

/** Everything that was recorded of the consents of a subject, by purpose, oldest first. */
export async function* consentLines(tx: Tx, place: SubjectPlace, keys: SubjectKeys): AsyncGenerator<ExportLine> {
  let rows: readonly Row[] = []
  do {
    const last = rows.at(-1)
    rows = await selectConsentsAfter(tx, place, last?.purpose ?? '', last?.version ?? 0)
    for (const row of rows) yield lineOf(keys, place, row)
  } while (rows.length === PAGE)
}

function selectConsentsAfter(tx: Tx, { tenantId, subjectId }: SubjectPlace, purpose: string, version: number) {
  return tx<Row[]>`
    select id, purpose, version, status, granted_at, expires_at, recorded_at, recorded_by, sealed from consents
    where tenant_id = ${tenantId} and subject_id = ${subjectId}
      and (purpose collate "C", version) > (${purpose} collate "C", ${version})
    order by purpose collate "C", version limit ${PAGE}`
}

function lineOf(keys: SubjectKeys, place: SubjectPlace, row: Row): ConsentLine {
  const { id, purpose, version, status, granted_at, expires_at, recorded_at, recorded_by, sealed } = row
  return {
    type: 'consent',
    subject_id: place.subjectId,
    id,
    purpose,
    version,
    status,
    granted_at: granted_at?.toISOString() ?? null,
    expires_at: expires_at?.toISOString() ?? null,
    recorded_at: recorded_at.toISOString(),
    recorded_by,
    evidence: sealed === null ? null : openEvidence(keys, place, id, sealed),
  }
}
