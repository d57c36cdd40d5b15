import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { tenantScope } from '../tenant-scope.ts'
import { readTenantSettings } from '../tenants/tenant-settings.ts'
import { factorChanged } from './totp-events.ts'
import { removeSecret } from './totp-repository.ts'
import { findTotpUser, lockSession, notify, type TotpUser } from './totp-user.ts'

const NOTICE = 'Your authenticator app was taken out of use: signing in needs the password only.'

/** Takes an authenticator app out of use, with its recovery codes. */
export function disableTotp(deps: Deps): Handler<'disableTotp'> {
  return async ({ context }) => {
    const user = await findTotpUser(deps, context)
    requireRemovable(deps, user)
    const event = factorChanged(deps.events, user, { type: 'auth.totp.disabled', statusCode: 204 }, context)
    await tenantTransaction(deps.sql, tenantScope(user.tenantId), async (tx) => {
      const [removed] = await removeSecret(tx, user)
      if (removed === undefined) throw new AppError('totp_not_enrolled')
      await lockSession(tx, deps, user)
      await Promise.all([outboxInsert(tx, [event]), notify(tx, deps, user, NOTICE)])
    })
    deps.relay.wake()
    deps.mail.wake()
    return { status: 204, body: null }
  }
}

function requireRemovable({ keys }: Pick<Deps, 'keys'>, user: TotpUser): void {
  if (!user.confirmed) throw new AppError('totp_not_enrolled')
  const { totp_required: isRequired } = readTenantSettings(keys.personal, user.tenantId, user)
  if (isRequired) throw new AppError('totp_required_by_tenant')
  if (user.password_hash !== null && !user.password_stands_alone) throw new AppError('password_too_short_alone')
  if (!user.recent || !user.second_factor) throw new AppError('recent_sign_in_required')
}
