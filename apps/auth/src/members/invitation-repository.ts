import type { Role } from '@memoric/contracts/permissions.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { TenantSettingsRow } from '../tenants/tenant-settings.ts'

export interface InvitationRow {
  readonly tenant_id: string
  readonly id: string
  readonly email_sealed: Uint8Array
  readonly role: Role
  readonly invited_by: string | null
  readonly created_at: Date
  readonly expires_at: Date
  readonly accepted_at: Date | null
  readonly revoked_at: Date | null
  readonly expired: boolean
}

export interface NewInvitation extends Pick<InvitationRow, 'tenant_id' | 'id' | 'email_sealed' | 'role'> {
  readonly token_hash: Uint8Array
  readonly mailed_token_hash: Uint8Array
  readonly email_index: Buffer
  /** The user who invites; null for an API key. */
  readonly user_id: string | null
  readonly api_key_id: string | null
  readonly expires_in_days: number
}

/** By the clock of this moment: the transaction may have waited for a lock since it began. */
function columns(tx: Tx) {
  return tx`i.tenant_id, i.id, i.email_sealed, i.role, i.invited_by, i.created_at, i.expires_at, i.accepted_at,
    i.revoked_at, i.expires_at <= clock_timestamp() as expired`
}

/** What an API key invites to rests on the user who made the key. */
export function insertInvitation(tx: Tx, invitation: NewInvitation) {
  const { tenant_id: tenantId, api_key_id: keyId } = invitation
  return tx<InvitationRow[]>`
    insert into invitations as i (tenant_id, id, token_hash, mailed_token_hash, email_index, email_sealed, role, invited_by,
      api_key_id, expires_at)
    values (${tenantId}, ${invitation.id}, ${invitation.token_hash}, ${invitation.mailed_token_hash},
      ${invitation.email_index}, ${invitation.email_sealed}, ${invitation.role},
      coalesce(${invitation.user_id}::uuid,
        (select created_by from api_keys where tenant_id = ${tenantId} and id = ${keyId})),
      ${keyId}, now() + make_interval(days => ${invitation.expires_in_days}))
    returning ${columns(tx)}`
}

/** Newest first: ids ascend with time. */
export function selectInvitations(tx: Tx, tenantId: string, before: string | null, max: number) {
  return tx<InvitationRow[]>`
    select ${columns(tx)} from invitations i
    where i.tenant_id = ${tenantId} and (${before}::uuid is null or i.id < ${before})
    order by i.id desc limit ${max}`
}

/** The invitation, which nobody else can accept or revoke until the transaction ends. */
export function lockInvitation(tx: Tx, tenantId: string, id: string) {
  return tx<InvitationRow[]>`
    select ${columns(tx)} from invitations i where i.tenant_id = ${tenantId} and i.id = ${id} for update`
}

export function markRevoked(tx: Tx, tenantId: string, id: string) {
  return tx`update invitations set revoked_at = now() where tenant_id = ${tenantId} and id = ${id}`
}

export function markAccepted(tx: Tx, { tenant_id, id }: InvitationRow) {
  return tx`update invitations set accepted_at = now() where tenant_id = ${tenant_id} and id = ${id}`
}

/** Revokes what was neither accepted nor revoked of an address, locked in one order. */
export function revokeInvitationsTo(tx: Tx, tenantId: string, emailIndex: Uint8Array) {
  return revokeUnanswered(tx, tenantId, tx`email_index = ${emailIndex}`)
}

/** The same of what a user made, and of the user's own address. */
export function revokeInvitationsOf(tx: Tx, tenantId: string, userId: string) {
  return revokeUnanswered(
    tx,
    tenantId,
    tx`(invited_by = ${userId} or email_index = (select email_index from users where tenant_id = ${tenantId} and id = ${userId}))`,
  )
}

function revokeUnanswered(tx: Tx, tenantId: string, which: ReturnType<typeof columns>) {
  return tx<{ id: string; expired: boolean }[]>`
    with unanswered as (
      select id from invitations
      where tenant_id = ${tenantId} and accepted_at is null and revoked_at is null and ${which}
      order by id
      for update
    )
    update invitations set revoked_at = now()
    where tenant_id = ${tenantId} and id in (select id from unanswered)
    returning id, expires_at <= now() as expired`
}

/** An invitation as its token finds it, before its tenant is known. */
export interface PresentedInvitation extends InvitationRow, TenantSettingsRow {
  readonly name_sealed: Uint8Array
  /** Whether the token is the one of the mail, so that whoever has it receives mail at the address. */
  readonly is_mailed: boolean
}

export function findInvitationRow(tx: Tx, tokenHash: Uint8Array) {
  return tx<PresentedInvitation[]>`
    select ${columns(tx)}, i.mailed_token_hash = ${tokenHash} as is_mailed, t.name_sealed, t.settings, t.ip_allow_sealed
    from invitations i join tenants t on t.id = i.tenant_id
    where i.token_hash = ${tokenHash} or i.mailed_token_hash = ${tokenHash}`
}

/** On whose authority an invitation rests, as it is now. */
export interface InviterRow {
  readonly role: Role
  readonly active: boolean
  /** Whether it came from an API key that was revoked since, for another reason than that another took its place. */
  readonly key_revoked: boolean
}

/** The inviter cannot be changed until the transaction ends. */
export function lockInviter(tx: Tx, { tenant_id: tenantId, id, invited_by: userId }: InvitationRow) {
  return tx<InviterRow[]>`
    select u.role, u.deactivated_at is null as active, exists (
      select 1 from invitations i join api_keys k on k.tenant_id = i.tenant_id and k.id = i.api_key_id
      where i.tenant_id = ${tenantId} and i.id = ${id} and k.revoked_at is not null
        and k.revoked_reason is distinct from 'rotated') as key_revoked
    from users u where u.tenant_id = ${tenantId} and u.id = ${userId} for share of u`
}
