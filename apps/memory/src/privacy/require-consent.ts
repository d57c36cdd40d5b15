import type { Caller } from '@memoric/contracts/caller.ts'
import type { ErrorCode } from '@memoric/contracts/error-codes.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { wholeTenant } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { selectConsentStates } from './consent-repository.ts'
import { consentFor } from './consent-rules.ts'

/**
 * Which of the subjects must not be written for, and why. The transaction of the write asks again. Where the tenant does not require
 * consent this takes no round trip that the write would not take.
 */
export async function consentFaults(
  deps: Pick<MemoryDeps, 'sql' | 'keys'>,
  caller: Caller,
  subjectIds: Iterable<string>,
): Promise<Map<string, ErrorCode>> {
  const subjects = [...new Set(subjectIds)]
  if (subjects.length === 0) return new Map()
  const isStopped = (subject: string) => deps.keys.forWriting(caller.tenantId, subject, (keys) => keys.isStopped)
  if (consentFor(caller) === 'required') return missing(deps, caller, subjects)
  const faults = new Map<string, ErrorCode>()
  for (const subject of subjects) if (await isStopped(subject)) faults.set(subject, 'consent_withdrawn')
  return faults
}

/** Throws AppError `consent_required`, `consent_withdrawn` when the subject must not be written for. */
export async function requireConsent(
  deps: Pick<MemoryDeps, 'sql' | 'keys'>,
  caller: Caller,
  subjectId: string,
): Promise<void> {
  const fault = (await consentFaults(deps, caller, [subjectId])).get(subjectId)
  if (fault !== undefined) throw new AppError(fault)
}

async function missing({ sql }: Pick<MemoryDeps, 'sql'>, { tenantId }: Caller, subjects: readonly string[]) {
  const [rows] = await tenantFlight(sql, wholeTenant(tenantId), (tx) => [selectConsentStates(tx, tenantId, subjects)])
  const states = new Map(rows.map((row) => [row.subject_id, row]))
  return new Map(
    subjects.flatMap((subject): [string, ErrorCode][] => {
      const state = states.get(subject)
      if (state?.is_valid === true) return []
      return [[subject, state?.stopped === true ? 'consent_withdrawn' : 'consent_required']]
    }),
  )
}
