import { MEMORY_PURPOSE } from '@memoric/contracts/privacy-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import type { ConsentLine } from '../exports/export-lines.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import { selectConsent, updateConsentState } from '../privacy/consent-repository.ts'
import { insertForgetting } from '../privacy/forgetting-repository.ts'
import { sealEvidence } from '../privacy/seal-evidence.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

/** Writes what is not recorded yet of the consents of a locked subject, and gives how many records those were. */
export async function importConsents(
  tx: Tx,
  place: SubjectPlace,
  keys: SubjectKeys,
  lines: readonly ConsentLine[],
): Promise<number> {
  let [made, isOfMemory] = [0, false]
  for (const line of lines) {
    const rows = await insertImportedConsent(tx, place, keys, line)
    made += rows.length
    isOfMemory ||= rows.length > 0 && line.purpose === MEMORY_PURPOSE
  }
  if (isOfMemory) await applyConsent(tx, place)
  return made
}

/** How many records are not there yet. */
export async function countNewConsents(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  lines: readonly ConsentLine[],
): Promise<number> {
  const [row] = await tx<{ count: number }[]>`
    select count(*)::int as count
    from unnest(${lines.map(({ purpose }) => purpose)}::text[], ${lines.map(({ version }) => version)}::int[])
      as line (purpose, version)
    where not exists (
      select from consents c
      where c.tenant_id = ${tenantId} and c.subject_id = ${subjectId} and c.purpose = line.purpose
        and c.version = line.version
    )`
  return row?.count ?? 0
}

/** Processes that have the keys of the subject in memory read them anew, with whether it may be read. */
async function applyConsent(tx: Tx, place: SubjectPlace): Promise<void> {
  const [holding] = await selectConsent(tx, place, MEMORY_PURPOSE)
  if (holding === undefined) return
  await updateConsentState(tx, place, holding)
  await insertForgetting(tx, place, uuidV7())
}

function insertImportedConsent(tx: Tx, place: SubjectPlace, keys: SubjectKeys, line: ConsentLine) {
  const { tenantId, subjectId } = place
  const sealed = line.evidence === null ? null : sealEvidence(keys, place, line.id, line.evidence)
  return tx<{ id: string }[]>`
    insert into consents (
      tenant_id, subject_id, purpose, version, id, status, granted_at, expires_at, recorded_at, recorded_by, sealed
    ) values (
      ${tenantId}, ${subjectId}, ${line.purpose}, ${line.version}, ${line.id}, ${line.status}, ${line.granted_at},
      ${line.expires_at}, ${line.recorded_at}, ${line.recorded_by}, ${sealed}
    )
    on conflict do nothing returning id`
}
