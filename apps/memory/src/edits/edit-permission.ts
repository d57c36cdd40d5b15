import type { Caller } from '@memoric/contracts/caller.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { requirePermission } from '@memoric/service/caller-limits.ts'
import { nameOf } from '../provenance/provenance.ts'
import type { EditRow } from './edit-row.ts'

type Decided = Pick<EditRow, 'subject_id' | 'proposed_by'>

/** Who decides what becomes of the memories of the tenant, and a user about the memories of themselves, need nobody else. */
function decidesAlone(caller: Caller, { subject_id }: Decided): boolean {
  const { principal, permissions } = caller
  return permissions.includes('policies:write') || (principal.type === 'user' && principal.id === subject_id)
}

/** Throws AppError `own_edit` when the caller proposed the edit itself. */
export function requireApprover(caller: Caller, edit: Decided): void {
  if (edit.proposed_by === nameOf(caller) && !decidesAlone(caller, edit)) throw new AppError('own_edit')
}

/**
 * Nobody brings their own words back, or keeps them from being withheld. Throws AppError `own_edit` when the caller wrote a
 * version of the memory, * and `permission_denied`.
 */
export function requireDefender(caller: Caller, edit: Decided, writers: readonly string[]): void {
  requirePermission(caller, 'memories:delete')
  if (!writers.includes(nameOf(caller)) || decidesAlone(caller, edit)) return
  throw new AppError('own_edit', { detail: 'the caller wrote the memory' })
}

/** The same for who refuses an edit, but for a proposal of the caller's own. */
export function requireRefuser(caller: Caller, edit: Decided, writers: readonly string[]): void {
  if (edit.proposed_by !== nameOf(caller)) requireDefender(caller, edit, writers)
}
