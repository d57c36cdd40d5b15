import type { Caller } from '@memoric/contracts/caller.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { SubjectLock } from '../memories/subject-lock-repository.ts'

/** SQLSTATEs of `memoric.require_consent`. */
export const CONSENT_WITHDRAWN = 'MK003'
export const NO_CONSENT = 'MK005'

/** What consent a write of content needs in the tenant of the caller. */
export function consentFor({ settings }: Caller): NonNullable<SubjectLock['consent']> {
  return settings?.consent_required === true ? 'required' : 'not_withdrawn'
}

/** Reading memories is processing them, too. Throws AppError `consent_withdrawn`. */
export function requireProcessing(keys: SubjectKeys | null): void {
  if (keys?.isStopped === true) throw new AppError('consent_withdrawn')
}
