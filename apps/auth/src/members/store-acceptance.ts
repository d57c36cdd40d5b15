import type { TenantId } from '@memoric/contracts/ids.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { lockTenantActive } from '../accounts/tenant-repository.ts'
import { insertUser, markEmailVerified, type NewUser, selectUser, type UserRow } from '../accounts/user-repository.ts'
import type { Deps } from '../deps.ts'
import type { NewSession } from '../sessions/new-session.ts'
import { storeSession } from '../sessions/start-session.ts'
import { tenantScope } from '../tenant-scope.ts'
import { lockInvitation, lockInviter, markAccepted, type PresentedInvitation } from './invitation-repository.ts'
import { statusOf } from './invitation-view.ts'
import { roleMayGive } from './member-rules.ts'
import { askForProof, asEmailTaken } from './new-member.ts'

/** What an invitation becomes when it is accepted. */
export interface Acceptance {
  readonly invitation: PresentedInvitation
  readonly member: NewUser
  readonly email: string
  readonly session: NewSession
}

/**
 * Makes the invited person a member, if the invitation still stands. Throws AppError `invalid_token`, `tenant_suspended`,
 * `email_taken`; the invitation is used up by success only.
 */
export async function storeAcceptance(deps: Deps, acceptance: Acceptance, context: RequestContext): Promise<UserRow> {
  try {
    return await tenantTransaction(deps.sql, tenantScope(acceptance.invitation.tenant_id), async (tx) => {
      await requireStillGood(tx, acceptance.invitation)
      return insert(tx, deps, acceptance, context)
    })
  } catch (error) {
    throw asEmailTaken(error)
  }
}

/** Locks tenant, inviter and invitation, in this order. Throws AppError `tenant_suspended`, `invalid_token`. */
async function requireStillGood(tx: Tx, invitation: PresentedInvitation): Promise<void> {
  const [[tenant], [inviter], [now]] = await Promise.all([
    lockTenantActive(tx, invitation.tenant_id),
    lockInviter(tx, invitation),
    lockInvitation(tx, invitation.tenant_id, invitation.id),
  ])
  if (now === undefined || statusOf(now) !== 'open') throw new AppError('invalid_token')
  if (inviter?.active !== true || inviter.key_revoked) throw new AppError('invalid_token')
  if (!roleMayGive(inviter.role, now.role)) throw new AppError('invalid_token')
  if (tenant?.active !== true) throw new AppError('tenant_suspended')
}

async function insert(
  tx: Tx,
  deps: Deps,
  { invitation, member, email, session }: Acceptance,
  context: RequestContext,
): Promise<UserRow> {
  await insertUser(tx, member)
  await Promise.all([
    proveAddress(tx, deps, invitation, member, email, context),
    storeSession(tx, deps, { session, context }),
    markAccepted(tx, invitation),
    outboxInsert(tx, acceptedEvents(deps, invitation, session, email, context)),
  ])
  const [row] = await selectUser(tx, member.tenant_id, member.id)
  if (row === undefined) throw new Error('an inserted row was not returned')
  return row
}

/** The token of the mail is the proof; with the other one, a mail asks for it. */
function proveAddress(
  tx: Tx,
  deps: Deps,
  { is_mailed }: PresentedInvitation,
  { tenant_id, id }: NewUser,
  email: string,
  context: RequestContext,
) {
  return is_mailed ? markEmailVerified(tx, tenant_id, id) : askForProof(tx, deps, email, context)
}

function acceptedEvents(
  { events }: Deps,
  { id, role }: PresentedInvitation,
  session: NewSession,
  email: string,
  context: RequestContext,
) {
  const about = {
    context,
    // From a row of that tenant.
    tenantId: session.tenantId as TenantId,
    actor: `user:${session.userId}`,
    statusCode: 201,
    email,
  }
  const details = { user_id: session.userId }
  return [
    events({ ...about, type: 'invitation.accepted', resourceId: id, details: { ...details, role } }),
    events({
      ...about,
      type: 'auth.login.succeeded',
      resourceId: session.sessionId,
      details: { ...details, method: 'invitation' },
    }),
  ]
}
