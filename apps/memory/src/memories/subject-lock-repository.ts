import { plainArray, textArray } from '@memoric/postgres/array-parameter.ts'
import type { Tx } from '@memoric/postgres/lease.ts'

/** A subject to lock, and the version of its key that a write was sealed with; null where nothing was sealed. */
export interface SubjectLock {
  readonly subjectId: string
  readonly keyVersion: number | null
  /** For a write of content: whether its consent has to be valid, or must not have been withdrawn only. */
  readonly consent?: 'required' | 'not_withdrawn'
}

/**
 * SQLSTATE of `memoric.require_key_version`: the write was sealed with a key that has been rotated since, or was destroyed with its
 * subject.
 */
export const STALE_KEY = 'MK001'

const CONSENTS = { not_withdrawn: 1, required: 2 } as const

/**
 * Locks subjects, always in the same order so that no two writers wait for each other. Throws STALE_KEY when the key of one
 * has another version now or is gone, CONSENT_WITHDRAWN and NO_CONSENT where a lock asks for consent.
 */
export function lockSubjects(tx: Tx, tenantId: string, locks: readonly SubjectLock[]) {
  return tx`
    with locked as (
      select l.key_version, memoric.require_key_version(s.key_version, l.key_version),
        memoric.require_consent(s.stopped, s.consent_until, l.consent > 0, l.consent > 1)
      from subjects s
      join unnest(
        ${textArray(locks.map(({ subjectId }) => subjectId))}::text[],
        ${plainArray(locks.map(({ keyVersion }) => keyVersion))}::int[],
        ${plainArray(locks.map(({ consent }) => (consent === undefined ? 0 : CONSENTS[consent])))}::int[]
      ) as l (subject_id, key_version, consent) on l.subject_id = s.subject_id
      where s.tenant_id = ${tenantId}
      order by s.subject_id for update of s
    )
    select memoric.require_key_version(count(key_version)::int, ${locks.filter(({ keyVersion }) => keyVersion !== null).length})
    from locked`
}
