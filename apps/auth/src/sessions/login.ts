import type { Tx } from '@memoric/postgres/lease.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { countAttempt, type CountedAttempt } from '../throttle/attempt-repository.ts'
import { refusedFor, tellRefusal } from '../throttle/refused-attempt.ts'
import { type Admission, admission, attemptPlace, withdraw } from '../throttle/sign-in-throttle.ts'
import { beginPasswordSession, type LoginAnswer, type SignInAttempt } from './begin-password-session.ts'
import { matchAccount } from './match-account.ts'
import { pardonFor } from './pardon-for.ts'
import { SignInRefused } from './sign-in-refused.ts'
import { selectSignInAccounts, type SignInAccount } from './sign-in-repository.ts'
import { objectionTo } from './sign-in-rules.ts'

/** Tenants in which one e-mail is tried when none is named. */
const MAX_ACCOUNTS = 5

/**
 * Signs in with e-mail and password. Whatever is wrong with these, the answer and the work behind it are the same; what else stands
 * against it is told to those only who know the password.
 */
export function login(deps: Deps): Handler<'login'> {
  return async ({ body, context }) => ({ status: 200, body: await signIn(deps, { ...body, context }) })
}

async function signIn(deps: Deps, attempt: SignInAttempt): Promise<LoginAnswer> {
  const { email, context } = attempt
  const place = attemptPlace(deps.keys, { email, address: context.caller.clientAddress })
  const [[row], accounts] = await deps.signIns.ask(() =>
    deps.counter.ask((tx) => Promise.all([countAttempt(tx, place), selectAccounts(tx, deps, attempt)])),
  )
  const admitted = admission(place, row)
  if (admitted.counted === null) return refuseUnseen(deps, attempt, accounts, admitted)
  try {
    return await deps.signIns.judge(() => judge(deps, attempt, accounts, admitted.counted))
  } catch (error) {
    if (error instanceof SignInRefused) return refuse(deps, attempt, accounts, error, admitted.counted)
    // Something is broken, or there is too much to do: no failure of whoever signs in.
    await withdraw(deps, admitted.counted).catch(() => undefined)
    throw error
  }
}

function selectAccounts(tx: Tx, { keys }: Pick<Deps, 'keys'>, { email, tenant }: SignInAttempt) {
  return selectSignInAccounts(tx, keys.emailIndex(email), tenant ?? null, MAX_ACCOUNTS)
}

async function judge(
  deps: Deps,
  attempt: SignInAttempt,
  accounts: readonly SignInAccount[],
  counted: CountedAttempt,
  isRepeated = false,
): Promise<LoginAnswer> {
  const { clientAddress } = attempt.context.caller
  const account = await matchAccount(deps.passwords, accounts, attempt.password, (found) =>
    objectionTo(deps, found, clientAddress),
  )
  try {
    return await beginPasswordSession(deps, attempt, account, { counted, pardon: pardonFor(account, accounts) })
  } catch (error) {
    if (isRepeated || !(error instanceof AppError && error.code === 'write_conflict')) throw error
    const again = await deps.reader.ask((tx) => selectAccounts(tx, deps, attempt))
    return judge(deps, attempt, again, counted, true)
  }
}

async function refuse(
  deps: Deps,
  { email, context }: SignInAttempt,
  tried: readonly SignInAccount[],
  refusal: SignInRefused,
  counted: CountedAttempt,
): Promise<never> {
  const takenBack = isPardoned(refusal, tried) ? counted : undefined
  await tellRefusal(deps, { email, context, accounts: refusal.refused, takenBack })
  throw new AppError(refusal.code)
}

/** A password that is right and does not let in counts for nothing, unless it may have been a guess at another account. */
function isPardoned({ isFailure, opened }: SignInRefused, tried: readonly SignInAccount[]): boolean {
  return !isFailure && tried.some((account) => opened.has(account.id) && pardonFor(account, tried) !== 'none')
}

/** Without a look at the password. */
async function refuseUnseen(
  deps: Deps,
  { email, context }: SignInAttempt,
  accounts: readonly SignInAccount[],
  { retryAfter, telling: attempts }: Exclude<Admission, { counted: CountedAttempt }>,
): Promise<never> {
  const refused = refusedFor('throttled', accounts)
  if (attempts !== null) await tellRefusal(deps, { email, context, accounts: refused, attempts })
  throw new AppError('sign_in_throttled', { retryAfter })
}
