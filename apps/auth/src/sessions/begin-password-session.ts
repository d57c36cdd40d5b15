import type { loginAnswer, loginBody } from '@memoric/contracts/auth-contract.ts'
import type { TenantId } from '@memoric/contracts/ids.ts'
import type { TenantSettings } from '@memoric/contracts/tenant-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { OutboxEvent } from '@memoric/service/event-factory.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { z } from 'zod'
import { userView } from '../accounts/account-views.ts'
import { replacePasswordHash } from '../accounts/user-repository.ts'
import type { Deps } from '../deps.ts'
import { requiredActions } from '../tenants/required-actions.ts'
import { type CountedAttempt, type Pardon, pardonAttempt } from '../throttle/attempt-repository.ts'
import { readSecondFactor, type SecondFactor, spendSecondFactor } from '../totp/second-factor.ts'
import { recoveryCodeUsed } from '../totp/totp-events.ts'
import { selectWithoutFactor } from '../totp/totp-repository.ts'
import { notify } from '../totp/totp-user.ts'
import { beginAlone } from './begin-alone.ts'
import { newSession, type NewSession } from './new-session.ts'
import { refusal } from './sign-in-refused.ts'
import type { SignInAccount } from './sign-in-repository.ts'
import { settingsOf } from './sign-in-rules.ts'
import { startSession } from './start-session.ts'
import { tokenPair } from './token-pair.ts'

/** What whoever signed in is told. */
export type LoginAnswer = z.infer<typeof loginAnswer>

/** What a request to sign in says. */
export interface SignInAttempt extends z.output<typeof loginBody> {
  readonly context: RequestContext
}

/** An attempt that was counted as a failure, and what becomes of that when it is none. */
export interface Pardonable {
  readonly counted: CountedAttempt
  readonly pardon: Pardon
}

/**
 * Begins a session for a password that is right, if the second factor is too, and pardons the attempt. Gives the
 * answer. Throws SignInRefused; AppError `write_conflict` when the account was changed meanwhile.
 */
export async function beginPasswordSession(
  deps: Deps,
  attempt: SignInAttempt,
  account: SignInAccount,
  pardonable: Pardonable,
): Promise<LoginAnswer> {
  const factor = await requireFactor(deps, account, attempt.totp)
  const nextHash = await staleHash(deps, account, attempt.password)
  const method = { method: 'password', secondFactor: factor !== null } as const
  const settings = settingsOf(deps, account)
  const session = newSession(deps, account, settings, attempt.context, method)
  const begun = begin(deps, { attempt, account, ...pardonable, factor, nextHash, session })
  // Made while the database works; without the session the token is worth nothing.
  const [answer] = await Promise.all([answerWith(deps, session, account, settings), begun])
  return answer
}

async function answerWith(deps: Deps, session: NewSession, account: SignInAccount, settings: TenantSettings) {
  const tokens = tokenPair(deps.accessTokens, session)
  const user = userView(deps.keys.personal, account)
  const { password_stands_alone: standsAlone } = account
  const judged = { role: user.role, method: session.method, hasTotp: user.totp_enabled, standsAlone }
  return { user, required_actions: requiredActions(settings, judged), ...(await tokens) }
}

/** A sign-in that was let through so far. */
interface Passed extends Pardonable {
  readonly attempt: SignInAttempt
  readonly account: SignInAccount
  readonly factor: SecondFactor | null
  readonly nextHash: string | null
  readonly session: NewSession
}

async function begin(deps: Deps, passed: Passed): Promise<void> {
  const { attempt, account, counted, pardon, factor, nextHash, session } = passed
  const event = succeeded(deps, attempt, session, factor)
  const alone = { session, checkedHash: account.password_hash, nextHash, counted, event }
  const inSteps = factor !== null || pardon !== 'network' || !(await beginAlone(deps, alone))
  if (inSteps) await beginInSteps(deps, passed, event)
}

async function beginInSteps(deps: Deps, passed: Passed, event: OutboxEvent): Promise<void> {
  const { attempt, account, counted, pardon, factor, nextHash, session } = passed
  const { context } = attempt
  await startSession(deps, {
    session,
    context,
    proof: { passwordHash: account.password_hash },
    also: (tx) => [
      spend(tx, deps, attempt, account, factor),
      outboxInsert(tx, [event]),
      ...(nextHash === null ? [] : [replacePasswordHash(tx, account, nextHash)]),
      ...pardonAttempt(tx, counted, pardon),
    ],
  })
  if (factor?.kind === 'recovery_code') deps.mail.wake()
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
