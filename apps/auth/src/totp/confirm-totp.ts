import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { announceRevoked } from '../announce-revoked.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { endSessions } from '../sessions/end-sessions.ts'
import { tenantScope } from '../tenant-scope.ts'
import { proveAgain } from '../throttle/prove-again.ts'
import { findStep } from './authenticator.ts'
import { createRecoveryCodes, hashRecoveryCode } from './recovery-codes.ts'
import { openSecret } from './second-factor.ts'
import { factorChanged } from './totp-events.ts'
import { confirmSecret } from './totp-repository.ts'
import { findTotpUser, lockSession, notify, type TotpUser } from './totp-user.ts'

const NOTICE = 'An authenticator app was set up: signing in needs a code of it from now on.'

/** Lets an authenticator app count once it has shown a code; whoever signed in without one is signed out. */
export function confirmTotp(deps: Deps): Handler<'confirmTotp'> {
  return async ({ body, context }) => {
    const user = await findTotpUser(deps, context)
    if (user.confirmed) throw new AppError('totp_enabled')
    const step = await requireStep(deps, user, body.code, context)
    const codes = createRecoveryCodes()
    const hashes = codes.map(hashRecoveryCode)
    const ended = await tenantTransaction(deps.sql, tenantScope(user.tenantId), (tx) =>
      confirm(tx, deps, user, { step, hashes }, context),
    )
    deps.relay.wake()
    deps.mail.wake()
    // Gateways ask again what the session that goes on may do: more, where the tenant asks for a second factor.
    announceRevoked(deps, [...ended, user.sessionId])
    return { status: 200, body: { recovery_codes: codes } }
  }
}

async function requireStep(deps: Deps, user: TotpUser, code: string, context: RequestContext): Promise<number> {
  const secret = openSecret(deps.keys, user)
  if (secret === null) throw new AppError('totp_not_enrolled')
  return proveAgain(deps, user, context, 'wrong_code', () => findStep(secret, code.replace(/\s/g, ''), Date.now()))
}

/** Gives the ids of the sessions that ended. */
async function confirm(
  tx: Tx,
  deps: Deps,
  user: TotpUser,
  { step, hashes }: { readonly step: number; readonly hashes: Buffer[] },
  context: RequestContext,
): Promise<string[]> {
  const { tenantId, userId, sessionId } = user
  const [confirmed] = await confirmSecret(tx, user, step, hashes)
  if (confirmed === undefined) throw new AppError('write_conflict')
  await lockSession(tx, deps, user)
  const event = factorChanged(deps.events, user, { type: 'auth.totp.enabled', statusCode: 200 }, context)
  await Promise.all([outboxInsert(tx, [event]), notify(tx, deps, user, NOTICE)])
  const ending = { tenantId, userId, except: sessionId, reason: 'totp_enabled', statusCode: 200 } as const
  return endSessions(tx, deps, ending, context)
}
