import type { InvitationId, UserId } from '@memoric/contracts/ids.ts'
import type { invitation } from '@memoric/contracts/member-contract.ts'
import type { z } from 'zod'
import type { FieldSealer } from '../keys/field-sealer.ts'
import type { InvitationRow } from './invitation-repository.ts'

type InvitationView = z.infer<typeof invitation>

/** An invitation as the API shows it, without its token. Ids of rows were made as such. */
export function invitationView(personal: FieldSealer, row: InvitationRow): InvitationView {
  return {
    id: row.id as InvitationId,
    email: invitedEmail(personal, row),
    role: row.role,
    invited_by: row.invited_by as UserId | null,
    created_at: row.created_at.toISOString(),
    expires_at: row.expires_at.toISOString(),
    status: statusOf(row),
  }
}

/** The address that was invited. */
export function invitedEmail(personal: FieldSealer, { tenant_id: tenantId, id, email_sealed }: InvitationRow): string {
  return personal.open({ tenantId, recordId: id, field: 'email' }, email_sealed)
}

/** Whether an invitation can still be accepted, or what became of it. */
export function statusOf({ accepted_at, revoked_at, expired }: InvitationRow): InvitationView['status'] {
  if (accepted_at !== null) return 'accepted'
  if (revoked_at !== null) return 'revoked'
  return expired ? 'expired' : 'open'
}
