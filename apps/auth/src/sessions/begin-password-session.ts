import type { loginBody } from '@memoric/contracts/auth-contract.ts'
import type { TenantId } from '@memoric/contracts/ids.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { z } from 'zod'
import { replacePasswordHash } from '../accounts/user-repository.ts'
import type { Deps } from '../deps.ts'
import { type CountedAttempt, forgiveNetwork } from '../throttle/attempt-repository.ts'
import { readSecondFactor, type SecondFactor, spendSecondFactor } from '../totp/second-factor.ts'
import { recoveryCodeUsed } from '../totp/totp-events.ts'
import { selectWithoutFactor } from '../totp/totp-repository.ts'
import { notify } from '../totp/totp-user.ts'
import { newSession, type NewSession } from './new-session.ts'
import { refusal } from './sign-in-refused.ts'
import type { SignInAccount } from './sign-in-repository.ts'
import { settingsOf } from './sign-in-rules.ts'
import { startSession } from './start-session.ts'

/** What a request to sign in says. */
export interface SignInAttempt extends z.output<typeof loginBody> {
  readonly context: RequestContext
}

/**
 * Begins a session for a password that is right, if the second factor is too, and forgives the failures from this network.
 * Throws SignInRefused; AppError `write_conflict` when the account was changed meanwhile.
 */
export async function beginPasswordSession(
  deps: Deps,
  attempt: SignInAttempt,
  account: SignInAccount,
  counted: CountedAttempt,
): Promise<NewSession> {
  const { context } = attempt
  const factor = await requireFactor(deps, account, attempt.totp)
  const newHash = await staleHash(deps, account, attempt.password)
  const method = { method: 'password', secondFactor: factor !== null } as const
  const session = newSession(deps, account, settingsOf(deps, account), context, method)
  await startSession(deps, {
    session,
    context,
    proof: { passwordHash: account.password_hash },
    also: (tx) => [
      spend(tx, deps, attempt, account, factor),
      outboxInsert(tx, [succeeded(deps, attempt, session, factor)]),
      ...(newHash === null ? [] : [replacePasswordHash(tx, account, newHash)]),
      ...forgiveNetwork(tx, counted),
    ],
  })
  if (factor?.kind === 'recovery_code') deps.mail.wake()
  return session
}

async function requireFactor(
  { keys }: Pick<Deps, 'keys'>,
  account: SignInAccount,
  code: string | undefined,
): Promise<SecondFactor | null> {
  if (account.totp_confirmed_at === null) return null
  if (code === undefined) throw refusal('totp_required', account)
  const factor = await readSecondFactor(keys, account, code)
  if (factor === null) throw refusal('wrong_code', account)
  return factor
}

/** The password hashed at today's cost, where the stored hash is of another. */
async function staleHash({ passwords }: Pick<Deps, 'passwords'>, account: SignInAccount, password: string) {
  const { password_hash: stored } = account
  return stored !== null && passwords.needsRehash(stored) ? passwords.hash(password) : null
}

/** In the transaction that begins the session: what was right a moment ago may be spent, or another by now. */
async function spend(
  tx: Tx,
  deps: Deps,
  { email, context }: SignInAttempt,
  account: SignInAccount,
  factor: SecondFactor | null,
): Promise<void> {
  if (factor === null) {
    const [still] = await selectWithoutFactor(tx, account)
    if (still === undefined) throw new AppError('write_conflict')
    return
  }
  const spent = await spendSecondFactor(tx, account, factor)
  if (spent === undefined) throw refusal(factor.kind === 'totp' ? 'used_code' : 'wrong_code', account)
  const { left } = spent
  if (left === null) return
  await outboxInsert(tx, [recoveryCodeUsed(deps.events, account, { email, context, left })])
  await notify(tx, deps, account, `A recovery code was used to sign in. You have ${left} left.`)
}

function succeeded(
  { events }: Pick<Deps, 'events'>,
  { email, context }: SignInAttempt,
  { tenantId, userId, sessionId }: NewSession,
  factor: SecondFactor | null,
) {
  return events({
    type: 'auth.login.succeeded',
    context,
    // From a row of that tenant.
    tenantId: tenantId as TenantId,
    actor: `user:${userId}`,
    resourceId: sessionId,
    statusCode: 200,
    details: { user_id: userId, method: 'password', second_factor: factor?.kind ?? null },
    email,
  })
}
