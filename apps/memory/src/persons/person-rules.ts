import type { Caller } from '@memoric/contracts/caller.ts'
import type { Person } from '@memoric/contracts/person-contract.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import type { PersonNames } from './person-box.ts'
import type { PersonRow } from './person-repository.ts'

/**
 * Names of persons are the subject's, in whichever namespace it meets them: they are not for who may see a part of the subject only.
 * Throws AppError `namespace_not_allowed`.
 */
export function requireAllNamespaces({ namespaces }: Caller): void {
  if (namespaces === '*') return
  throw new AppError('namespace_not_allowed', {
    detail: 'a credential that is not limited to namespaces is needed for the names of persons',
  })
}

export function personView(
  { subjectId }: SubjectPlace,
  { id, version, updated_at }: Omit<PersonRow, 'sealed'>,
  { name, aliases }: PersonNames,
): Person {
  return { id, subject_id: subjectId, name, aliases: [...aliases], version, updated_at: updated_at.toISOString() }
}
