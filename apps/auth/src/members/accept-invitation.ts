import type { acceptInvitationBody } from '@memoric/contracts/member-contract.ts'
import type { TenantSettings } from '@memoric/contracts/tenant-contract.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { z } from 'zod'
import { userView } from '../accounts/account-views.ts'
import { requireVerifiedEmail } from '../accounts/require-verified-email.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { requireGoodPassword } from '../passwords/password-rules.ts'
import { newSession } from '../sessions/new-session.ts'
import { tokenPair } from '../sessions/token-pair.ts'
import { requiredActions } from '../tenants/required-actions.ts'
import { requireAllowedAddress } from '../tenants/tenant-rules.ts'
import { readTenantSettings } from '../tenants/tenant-settings.ts'
import { findInvitation } from './find-invitation.ts'
import type { PresentedInvitation } from './invitation-repository.ts'
import { invitedEmail } from './invitation-view.ts'
import { newMember } from './new-member.ts'
import { type Acceptance, storeAcceptance } from './store-acceptance.ts'

/** Makes the invited person a member who is signed in. */
export function acceptInvitation(deps: Deps): Handler<'acceptInvitation'> {
  return async ({ body, context }) => {
    const invitation = await findInvitation(deps.sql, body.token)
    const settings = readTenantSettings(deps.keys.personal, invitation.tenant_id, invitation)
    const acceptance = await prepare(deps, invitation, settings, body, context)
    const row = await storeAcceptance(deps, acceptance, context)
    deps.relay.wake()
    deps.mail.wake()
    return {
      status: 201,
      body: {
        ...(await tokenPair(deps.accessTokens, acceptance.session)),
        user: userView(deps.keys.personal, row),
        required_actions: requiredActions(settings, {
          role: row.role,
          method: 'invitation',
          hasTotp: false,
          standsAlone: true,
        }),
      },
    }
  }
}

async function prepare(
  deps: Deps,
  invitation: PresentedInvitation,
  settings: TenantSettings,
  { password, display_name: displayName }: z.infer<typeof acceptInvitationBody>,
  context: RequestContext,
): Promise<Acceptance> {
  const { personal } = deps.keys
  const { tenant_id: tenantId, role, name_sealed } = invitation
  const email = invitedEmail(personal, invitation)
  requireVerifiedEmail(deps.config, { email_verified_at: invitation.is_mailed ? new Date() : null })
  requireAllowedAddress(settings.ip_allow, context.caller.clientAddress)
  await requireGoodPassword(password, {
    email,
    displayName,
    tenantName: personal.open({ tenantId, recordId: tenantId, field: 'name' }, name_sealed),
    hasSecondFactor: false,
    minLength: settings.password_min_length,
  })
  const passwordHash = await deps.passwords.hash(password)
  const member = newMember(deps.keys, { tenantId, email, displayName, role, passwordHash })
  const session = newSession(deps, member, settings, context, { method: 'invitation' })
  return { invitation, member, email, session }
}
