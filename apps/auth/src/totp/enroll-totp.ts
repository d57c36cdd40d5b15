import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { tenantScope } from '../tenant-scope.ts'
import { checkCurrentPassword } from '../throttle/prove-again.ts'
import { createEnrollment } from './authenticator.ts'
import { factorChanged } from './totp-events.ts'
import { storeSecret } from './totp-repository.ts'
import { findTotpUser, lockSession } from './totp-user.ts'

/** Gives a user the secret for an authenticator app; one that was not confirmed is replaced. */
export function enrollTotp(deps: Deps): Handler<'enrollTotp'> {
  return async ({ body, context }) => {
    const user = await findTotpUser(deps, context)
    if (user.confirmed) throw new AppError('totp_enabled')
    if (body.password !== undefined) await checkCurrentPassword(deps, user, body.password, context)
    else if (!user.recent) throw new AppError('recent_sign_in_required')
    const { secret, otpauthUri } = await createEnrollment(user.email)
    const { tenantId } = user
    const sealed = deps.keys.credentials.seal({ tenantId, recordId: user.id, field: 'totp' }, secret)
    const event = factorChanged(deps.events, user, { type: 'auth.totp.enrolled', statusCode: 200 }, context)
    await tenantTransaction(deps.sql, tenantScope(tenantId), async (tx) => {
      const [stored] = await storeSecret(tx, user, sealed)
      if (stored === undefined) throw new AppError('totp_enabled')
      await lockSession(tx, deps, user)
      await outboxInsert(tx, [event])
    })
    deps.relay.wake()
    return { status: 200, body: { secret, otpauth_uri: otpauthUri } }
  }
}
