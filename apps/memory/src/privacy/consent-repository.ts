import type { ListConsentsQuery } from '@memoric/contracts/privacy-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

export interface ConsentState {
  readonly subject_id: string
  readonly stopped: boolean
  readonly is_valid: boolean
}

/** How subjects stand to the purpose of memory; no row for one that is not known. */
export function selectConsentStates(tx: Tx, tenantId: string, subjectIds: readonly string[]) {
  return tx<ConsentState[]>`
    select subject_id, stopped, not stopped and coalesce(consent_until > now(), false) as is_valid from subjects
    where tenant_id = ${tenantId} and subject_id = any (${[...subjectIds]}::text[])`
}

/** What was recorded of a purpose, and whether it holds now. */
export interface ConsentRow {
  readonly id: string
  readonly purpose: string
  readonly version: number
  readonly status: 'granted' | 'withdrawn'
  readonly granted_at: Date | null
  readonly expires_at: Date | null
  readonly recorded_at: Date
  readonly recorded_by: string
  readonly sealed: Buffer | null
  /** Whether no later version of the purpose has replaced it. */
  readonly holds: boolean
  readonly is_valid: boolean
}

function columns(tx: Tx) {
  const holds = tx`not exists (
    select from consents later
    where later.tenant_id = c.tenant_id and later.subject_id = c.subject_id and later.purpose = c.purpose
      and later.version > c.version
  )`
  return tx`c.id, c.purpose, c.version, c.status, c.granted_at, c.expires_at, c.recorded_at, c.recorded_by, c.sealed,
    ${holds} as holds,
    ${holds} and c.status = 'granted' and (c.expires_at is null or c.expires_at > now()) as is_valid`
}

/** A page of what was recorded, newest first, that comes before the record `beforeId`. */
export function selectConsents(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  { purpose, history, limit }: ListConsentsQuery,
  beforeId: string | null,
) {
  return tx<ConsentRow[]>`
    select * from (
      select ${columns(tx)} from consents c
      where c.tenant_id = ${tenantId} and c.subject_id = ${subjectId}
        ${beforeId === null ? tx`` : tx`and c.id < ${beforeId}`}
        ${purpose === undefined ? tx`` : tx`and c.purpose = ${purpose}`}
    ) as each
    ${history === 'true' ? tx`` : tx`where holds`}
    order by id desc limit ${limit + 1}`
}

/** The record of a purpose that holds. */
export function selectConsent(tx: Tx, { tenantId, subjectId }: SubjectPlace, purpose: string) {
  return tx<ConsentRow[]>`
    select ${columns(tx)} from consents c
    where c.tenant_id = ${tenantId} and c.subject_id = ${subjectId} and c.purpose = ${purpose}
    order by c.version desc limit 1`
}

export type NewConsent = Omit<ConsentRow, 'recorded_at' | 'holds' | 'is_valid'>

export function insertConsent(tx: Tx, { tenantId, subjectId }: SubjectPlace, consent: NewConsent) {
  return tx<ConsentRow[]>`
    insert into consents as c (
      tenant_id, subject_id, purpose, version, id, status, granted_at, expires_at, recorded_by, sealed
    ) values (
      ${tenantId}, ${subjectId}, ${consent.purpose}, ${consent.version}, ${consent.id}, ${consent.status},
      ${consent.granted_at}, ${consent.expires_at}, ${consent.recorded_by}, ${consent.sealed}
    )
    returning c.id, c.purpose, c.version, c.status, c.granted_at, c.expires_at, c.recorded_at, c.recorded_by, c.sealed,
      true as holds, c.status = 'granted' as is_valid`
}

/** How the locked subject stands to the purpose of memory from now on; `until` is null without consent. */
export function updateConsentState(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  { status, expires_at }: Pick<ConsentRow, 'status' | 'expires_at'>,
) {
  const until = status === 'withdrawn' ? tx`null` : tx`coalesce(${expires_at}::timestamptz, 'infinity')`
  return tx`
    update subjects set stopped = ${status === 'withdrawn'}, consent_until = ${until}
    where tenant_id = ${tenantId} and subject_id = ${subjectId}`
}

/** Evidence that another key than this sealed. */
export function selectEvidenceOfOtherKeys(tx: Tx, { tenantId, subjectId }: SubjectPlace, keyId: number, limit: number) {
  const id = Buffer.alloc(4)
  id.writeUInt32BE(keyId)
  // A box has the id of its key in the four bytes after the first.
  return tx<{ id: string; sealed: Buffer }[]>`
    select id, sealed from consents
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and sealed is not null
      and substring(sealed from 2 for 4) <> ${id}
    limit ${limit}`
}

export function updateEvidence(tx: Tx, { tenantId, subjectId }: SubjectPlace, id: string, sealed: Buffer) {
  return tx`
    update consents set sealed = ${sealed} where tenant_id = ${tenantId} and subject_id = ${subjectId} and id = ${id}`
}
