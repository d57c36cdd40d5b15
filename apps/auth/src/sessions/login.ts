import { PLATFORM_TENANT, type TenantId } from '@memoric/contracts/ids.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { systemFlight, tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { userView } from '../accounts/account-views.ts'
import { type AccountRow, replacePasswordHash, selectAccounts } from '../accounts/user-repository.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { tenantScope } from '../tenant-scope.ts'
import { matchAccount, type SignInRefusal } from './match-account.ts'
import { insertSession, newSession, type NewSession } from './session-repository.ts'
import { tokenPair } from './token-pair.ts'

/** Tenants in which one e-mail is tried when none is named. */
const MAX_ACCOUNTS = 5

/** What a request that signs in is about. */
interface Attempt {
  readonly email: string
  readonly password: string
  readonly context: RequestContext
}

/** Signs in with e-mail and password. Whatever is wrong, the answer and the work behind it are the same. */
export function login(deps: Deps): Handler<'login'> {
  return async ({ body, context }) => {
    const attempt = { email: body.email, password: body.password, context }
    const index = deps.keys.emailIndex(body.email)
    const [accounts] = await systemFlight(deps.sql, (tx) => [
      selectAccounts(tx, index, body.tenant ?? null, MAX_ACCOUNTS),
    ])
    const match = await matchAccount(deps.passwords, accounts, body.password)
    if (match.account === null) return refuse(deps, attempt, match.reason, match.tried)
    const session = await begin(deps, attempt, match.account)
    const user = userView(deps.keys.personal, match.account)
    return { status: 200, body: { ...(await tokenPair(deps.accessTokens, session)), user } }
  }
}

async function begin(deps: Deps, attempt: Attempt, account: AccountRow): Promise<NewSession> {
  const { passwords } = deps
  const stale = passwords.needsRehash(account.password_hash)
  const newHash = stale ? await passwords.hash(attempt.password) : account.password_hash
  const session = newSession(account)
  const event = succeeded(deps, attempt, session)
  await tenantFlight(deps.sql, tenantScope(account.tenant_id), (tx) => [
    ...insertSession(tx, session, deps.config),
    outboxInsert(tx, [event]),
    ...(stale ? [replacePasswordHash(tx, account, newHash)] : []),
  ])
  deps.relay.wake()
  return session
}

function succeeded(deps: Deps, { context, email }: Attempt, session: NewSession) {
  return deps.events({
    type: 'auth.login.succeeded',
    context,
    // From a row of that tenant.
    tenantId: session.tenantId as TenantId,
    actor: `user:${session.userId}`,
    resourceId: session.sessionId,
    statusCode: 200,
    details: { user_id: session.userId, method: 'password' },
    email,
  })
}

/** Writes the event into the log of every tenant concerned, then answers. */
async function refuse(
  deps: Deps,
  attempt: Attempt,
  reason: SignInRefusal,
  tried: readonly AccountRow[],
): Promise<never> {
  const concerned = tried.map(({ tenant_id, id }) => ({ tenantId: tenant_id as TenantId, userId: id }))
  for (const { tenantId, userId } of concerned.length > 0 ? concerned : [nobody]) {
    const event = failed(deps, attempt, reason, tenantId, userId)
    await tenantFlight(deps.sql, tenantScope(tenantId), (tx) => [outboxInsert(tx, [event])])
  }
  deps.relay.wake()
  throw new AppError('invalid_credentials')
}

const nobody = { tenantId: PLATFORM_TENANT, userId: null }

function failed(deps: Deps, attempt: Attempt, reason: SignInRefusal, tenantId: TenantId, userId: string | null) {
  return deps.events({
    type: 'auth.login.failed',
    context: attempt.context,
    tenantId,
    resourceId: userId,
    statusCode: 401,
    outcome: 'failure',
    reason,
    email: attempt.email,
  })
}
