import type { inviteBody } from '@memoric/contracts/member-contract.ts'
import { createToken, hashToken } from '@memoric/crypto/opaque-token.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import type { z } from 'zod'
import { tenantView, userView } from '../accounts/account-views.ts'
import { selectTenant } from '../accounts/tenant-repository.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import type { FieldSealer } from '../keys/field-sealer.ts'
import { queueMail } from '../mail/mail-queue.ts'
import { tenantScope } from '../tenant-scope.ts'
import { endInvitationsTo } from './end-invitations.ts'
import { INVITATION_TOKEN_PREFIX } from './find-invitation.ts'
import { insertInvitation, type InvitationRow, type NewInvitation } from './invitation-repository.ts'
import { invitationView } from './invitation-view.ts'
import { selectMembers } from './member-repository.ts'
import { requireHolds, requireMayGive } from './member-rules.ts'
import { type Actor, lockMembership } from './membership.ts'

/** An invitation before it is stored. */
interface Draft {
  readonly row: NewInvitation
  readonly email: string
  readonly token: string
  readonly mailedToken: string
}

/** Invites a person by mail; the answer shows another token, which proves nothing about the address. */
export function createInvitation(deps: Deps): Handler<'createInvitation'> {
  return async ({ body, context }) => {
    requireHolds(context.caller, body.role)
    const draft = draftOf(deps, body, context)
    const row = await tenantTransaction(deps.sql, tenantScope(draft.row.tenant_id), (tx) =>
      store(tx, deps, draft, context),
    )
    deps.relay.wake()
    deps.mail.wake()
    return { status: 201, body: { ...invitationView(deps.keys.personal, row), token: draft.token } }
  }
}

function draftOf({ keys }: Deps, body: z.infer<typeof inviteBody>, { caller }: RequestContext): Draft {
  const [tenantId, id] = [caller.tenantId, uuidV7()]
  const [token, mailedToken] = [createToken(INVITATION_TOKEN_PREFIX), createToken(INVITATION_TOKEN_PREFIX)]
  const { type, id: callerId } = caller.principal
  const row = {
    tenant_id: tenantId,
    id,
    token_hash: hashToken(token),
    mailed_token_hash: hashToken(mailedToken),
    email_index: keys.emailIndex(body.email),
    email_sealed: keys.personal.seal({ tenantId, recordId: id, field: 'email' }, body.email),
    role: body.role,
    user_id: type === 'user' ? callerId : null,
    api_key_id: type === 'user' ? null : callerId,
    expires_in_days: body.expires_in_days,
  }
  return { row, email: body.email, token, mailedToken }
}

/** The invitation that the same address may have had ends. */
async function store(tx: Tx, deps: Deps, draft: Draft, context: RequestContext): Promise<InvitationRow> {
  const { tenant_id: tenantId, role, email_index: emailIndex } = draft.row
  const { actor } = await lockMembership(tx, context.caller, null)
  requireMayGive(actor, role)
  const [member] = await selectMembers(tx, tenantId, { emailIndex, before: null }, 1)
  if (member !== undefined) throw new AppError('email_taken')
  await endInvitationsTo(tx, deps, emailIndex, context)
  const [[row], [tenant]] = await Promise.all([
    insertInvitation(tx, draft.row),
    selectTenant(tx, tenantId),
    outboxInsert(tx, [created(deps, draft, context)]),
  ])
  if (row === undefined || tenant === undefined) throw new Error('an inserted row was not returned')
  await askForMail(tx, deps, draft, row, tenantView(deps.keys.personal, tenant).name, actor)
  return row
}

function askForMail(
  tx: Tx,
  deps: Deps,
  { email: to, mailedToken: token }: Draft,
  row: InvitationRow,
  tenantName: string,
  actor: Actor,
) {
  const { role, expires_at } = row
  const inviter = inviterOf(deps.keys.personal, actor)
  const expiresAt = expires_at.toISOString()
  return queueMail(tx, deps, { kind: 'invitation', to, token, tenantName, inviter, role, expiresAt })
}

function inviterOf(personal: FieldSealer, { user }: Actor): string | null {
  if (user === null) return null
  const { display_name, email } = userView(personal, user)
  return display_name ?? email
}

function created(deps: Deps, { row, email }: Draft, context: RequestContext) {
  const { id, role, expires_in_days } = row
  const details = { role, expires_in_days }
  return deps.events({ type: 'invitation.created', context, resourceId: id, statusCode: 201, details, email })
}
