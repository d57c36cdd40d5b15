import { type Consent, MEMORY_PURPOSE, type PutConsent } from '@memoric/contracts/privacy-contract.ts'
import type { JsonValue } from '@memoric/contracts/text.ts'
import { isDeepStrictEqual } from 'node:util'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import { type SubjectKeys, wholeTenant } from '../keys/subject-keys.ts'
import { lockSubjects } from '../memories/subject-lock-repository.ts'
import { withFreshKeys } from '../memories/stale-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import {
  type ConsentRow,
  insertConsent,
  type NewConsent,
  selectConsent,
  updateConsentState,
} from './consent-repository.ts'
import { consentView } from './consent-view.ts'
import { insertForgetting } from './forgetting-repository.ts'
import { openEvidence, sealEvidence } from './seal-evidence.ts'

/** Longest time that the answer waits for other processes to hear of a change, ms. */
const PROCESSES_MS = 2_000

/** What a record is to say; null where nothing was said. */
interface Asked extends Pick<NewConsent, 'purpose' | 'status' | 'expires_at'> {
  readonly grantedAt: Date | null
  readonly evidence: JsonValue
}

/** Records a consent or its end. What is so already changes nothing. Throws AppError `rule_violated`. */
export async function putConsent(
  deps: MemoryDeps,
  context: RequestContext,
  subjectId: string,
  body: PutConsent,
): Promise<Consent> {
  const place = { tenantId: context.caller.tenantId, subjectId }
  const asked = askedOf(deps.now(), body)
  const forgettingId = asked.purpose === MEMORY_PURPOSE ? uuidV7() : null
  const { consent, isNew } = await withFreshKeys(deps, { tenant_id: place.tenantId, subject_id: subjectId }, () =>
    deps.keys.forWriting(place.tenantId, subjectId, (keys) =>
      tenantTransaction(deps.sql, wholeTenant(place.tenantId), (tx) =>
        record(tx, deps, context, place, keys, asked, forgettingId),
      ),
    ),
  )
  if (isNew) await tell(deps, place, forgettingId)
  return consent
}

function askedOf(now: Date, { purpose, status, evidence = null, granted_at, expires_at = null }: PutConsent): Asked {
  const [granted, expires] = [granted_at, expires_at].map((time) => (time == null ? null : new Date(time)))
  if (granted != null && granted > now) throw fault('/granted_at', 'must not be in the future')
  if (expires != null && expires <= now) throw fault('/expires_at', 'must be in the future')
  return { purpose, status, evidence, grantedAt: granted ?? null, expires_at: expires ?? null }
}

function fault(pointer: string, message: string): AppError {
  return new AppError('rule_violated', { errors: [{ pointer, message }] })
}

async function record(
  tx: Tx,
  deps: MemoryDeps,
  context: RequestContext,
  place: SubjectPlace,
  keys: SubjectKeys,
  asked: Asked,
  forgettingId: string | null,
): Promise<{ consent: Consent; isNew: boolean }> {
  const keyVersion = keys.content.current().id
  const [, [before]] = await Promise.all([
    lockSubjects(tx, place.tenantId, [{ subjectId: place.subjectId, keyVersion }]),
    selectConsent(tx, place, asked.purpose),
  ])
  const known = before === undefined ? null : evidenceOf(keys, place, before)
  if (before !== undefined && isSame(before, known, asked)) {
    return { consent: consentView(before, known), isNew: false }
  }
  const row = await insert(tx, deps, context, place, keys, asked, (before?.version ?? 0) + 1)
  if (forgettingId !== null) {
    await Promise.all([updateConsentState(tx, place, row), insertForgetting(tx, place, forgettingId)])
  }
  return { consent: consentView(row, asked.evidence), isNew: true }
}

function evidenceOf(keys: SubjectKeys, place: SubjectPlace, { id, sealed }: ConsentRow): JsonValue {
  return sealed === null ? null : openEvidence(keys, place, id, sealed)
}

/** What was left out is so already. */
function isSame(before: ConsentRow, evidence: JsonValue, asked: Asked): boolean {
  const isSameTime = asked.grantedAt === null || asked.grantedAt.getTime() === before.granted_at?.getTime()
  const isSameEnd = asked.expires_at?.getTime() === before.expires_at?.getTime()
  const isSameEvidence = asked.evidence === null || isDeepStrictEqual(asked.evidence, evidence)
  return before.status === asked.status && isSameTime && isSameEnd && isSameEvidence
}

async function insert(
  tx: Tx,
  deps: MemoryDeps,
  context: RequestContext,
  place: SubjectPlace,
  keys: SubjectKeys,
  { evidence, grantedAt, ...asked }: Asked,
  version: number,
): Promise<ConsentRow> {
  const id = uuidV7()
  const { principal } = context.caller
  const [[row]] = await Promise.all([
    insertConsent(tx, place, {
      ...asked,
      id,
      version,
      granted_at: asked.status === 'granted' ? (grantedAt ?? deps.now()) : null,
      recorded_by: `${principal.type}:${principal.id}`,
      sealed: evidence === null ? null : sealEvidence(keys, place, id, evidence),
    }),
    outboxInsert(tx, [consentEvent(deps, context, place, asked, version)]),
  ])
  if (row === undefined) throw new Error('an inserted row was not returned')
  return row
}

function consentEvent(
  { events }: MemoryDeps,
  context: RequestContext,
  { subjectId }: SubjectPlace,
  { purpose, status, expires_at }: Pick<NewConsent, 'purpose' | 'status' | 'expires_at'>,
  version: number,
) {
  const details = { purpose, version, expires_at: expires_at?.toISOString() ?? null }
  return events({ type: `consent.${status}`, context, resourceId: subjectId, statusCode: 200, details })
}

/** Keys that are in memory say whether the subject may be read: every process reads them anew. */
async function tell(deps: MemoryDeps, place: SubjectPlace, forgettingId: string | null): Promise<void> {
  deps.relay.wake()
  if (forgettingId === null) return
  deps.forgetting.announce(place, forgettingId)
  await deps.forgetting.confirmed(place.tenantId, forgettingId, PROCESSES_MS)
}
