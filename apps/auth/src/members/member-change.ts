import type { updateUserBody } from '@memoric/contracts/member-contract.ts'
import type { Role } from '@memoric/contracts/permissions.ts'
import type { EventFactory, EventInput, OutboxEvent } from '@memoric/service/event-factory.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { z } from 'zod'
import { userView } from '../accounts/account-views.ts'
import type { FieldSealer } from '../keys/field-sealer.ts'
import type { MemberColumns, MemberRow } from './member-repository.ts'

/** What becomes different of a member; what is left out stays. */
export interface MemberChange {
  readonly role?: Role
  readonly active?: boolean
  readonly displayName?: string | null
}

/** What is asked for and is not so already. */
export function changeOf(
  personal: FieldSealer,
  row: MemberRow,
  { role, active, display_name: displayName }: z.infer<typeof updateUserBody>,
): MemberChange {
  const now = userView(personal, row)
  return {
    ...(role !== undefined && role !== now.role && { role }),
    ...(active !== undefined && active !== now.active && { active }),
    ...(displayName !== undefined && displayName !== now.display_name && { displayName }),
  }
}

/** What the row holds after the change. */
export function columnsAfter(
  personal: FieldSealer,
  row: MemberRow,
  { role, active, displayName }: MemberChange,
): MemberColumns {
  const place = { tenantId: row.tenant_id, recordId: row.id, field: 'display_name' } as const
  const seal = (name: string | null) => (name === null ? null : personal.seal(place, name))
  return {
    role: role ?? row.role,
    active: active ?? row.deactivated_at === null,
    display_name_sealed: displayName === undefined ? row.display_name_sealed : seal(displayName),
  }
}

/** One event for each thing that became different; names are not told. */
export function changeEvents(
  events: EventFactory,
  { id, role }: MemberRow,
  change: MemberChange,
  context: RequestContext,
): OutboxEvent[] {
  const tell = (type: EventInput['type'], details: Required<EventInput>['details']) =>
    events({ type, context, resourceId: id, statusCode: 200, details })
  const told: OutboxEvent[] = []
  if (change.displayName !== undefined) told.push(tell('user.updated', { changed: ['display_name'] }))
  if (change.role !== undefined) told.push(tell('user.role_changed', { from: role, to: change.role }))
  if (change.active === true) told.push(tell('user.reactivated', { role: change.role ?? role }))
  if (change.active === false) told.push(tell('user.deactivated', { role: change.role ?? role }))
  return told
}
