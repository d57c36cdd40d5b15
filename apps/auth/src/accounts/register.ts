import type { registerBody } from '@memoric/contracts/auth-contract.ts'
import { DEFAULT_TENANT_SETTINGS } from '@memoric/contracts/tenant-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { systemFlight, systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { queueMail } from '../mail/mail-queue.ts'
import { mailOrigin } from '../mail/mail-request.ts'
import { requireGoodPassword } from '../passwords/password-rules.ts'
import { newSession, type NewSession } from '../sessions/new-session.ts'
import { insertSession } from '../sessions/session-repository.ts'
import { tokenPair } from '../sessions/token-pair.ts'
import { tenantView, userView } from './account-views.ts'
import { newAccount, type NewAccount } from './new-account.ts'
import { registered } from './registered.ts'
import { insertTenant, type TenantRow } from './tenant-repository.ts'
import { insertUser, lockEmail, selectEmailTaken, type UserRow } from './user-repository.ts'

type RegisterBody = z.infer<typeof registerBody>

interface Registration extends NewAccount {
  readonly session: NewSession
}

/** Makes a tenant and its owner: at once, with a session, or as soon as a mail has found out that the address has no account. */
export function register(deps: Deps): Handler<'register'> {
  return async ({ body, context }) => {
    if (deps.config.REGISTRATION === 'closed') throw new AppError('registration_closed')
    await requireGoodPassword(body.password, {
      email: body.email,
      displayName: body.display_name,
      tenantName: body.tenant_name,
      hasSecondFactor: false,
      minLength: null,
    })
    const passwordHash = await deps.passwords.hash(body.password)
    return deps.config.REGISTRATION === 'verified'
      ? registerLater(deps, body, passwordHash, context)
      : registerNow(deps, body, passwordHash, context)
  }
}

/** Whether the address has an account is not looked at here, so that neither the answer nor its time can tell. */
async function registerLater(deps: Deps, body: RegisterBody, passwordHash: string, context: RequestContext) {
  const { email, tenant_name: tenantName, display_name: displayName } = body
  const request = { to: email, origin: mailOrigin(context), tenantName, displayName, passwordHash }
  await systemFlight(deps.sql, (tx) => [queueMail(tx, deps, { kind: 'registration', ...request })])
  deps.mail.wake()
  return { status: 202 as const, body: {} }
}

async function registerNow(deps: Deps, body: RegisterBody, passwordHash: string, context: RequestContext) {
  const registration = draft(deps, body, passwordHash, context)
  const stored = await store(deps, registration, body.email, context)
  deps.relay.wake()
  deps.mail.wake()
  return {
    status: 201 as const,
    body: {
      user: userView(deps.keys.personal, stored.user),
      tenant: tenantView(deps.keys.personal, stored.tenant),
      ...(await tokenPair(deps.accessTokens, registration.session)),
    },
  }
}

function draft(deps: Deps, body: RegisterBody, passwordHash: string, context: RequestContext): Registration {
  const { email, tenant_name: tenantName, display_name: displayName } = body
  const account = newAccount(deps.keys, { email, tenantName, displayName, passwordHash })
  const session = newSession(deps, account.owner, DEFAULT_TENANT_SETTINGS, context, { method: 'registration' })
  return { ...account, session }
}

/** In the system scope: the tenant does not exist yet, and the e-mail must be free in all of them. */
function store(deps: Deps, registration: Registration, email: string, context: RequestContext) {
  return systemTransaction(deps.sql, async (tx) => {
    await lockEmail(tx, registration.emailIndex)
    const taken = await selectEmailTaken(tx, registration.emailIndex)
    if (taken.length > 0) throw new AppError('email_taken')
    return insertAll(tx, deps, registration, email, context)
  })
}

async function insertAll(
  tx: Tx,
  deps: Deps,
  { tenant, owner, session }: Registration,
  email: string,
  context: RequestContext,
): Promise<{ tenant: TenantRow; user: UserRow }> {
  const facts = { email, context, statusCode: 201, sessionId: session.sessionId }
  const [[tenantRow], [userRow]] = await Promise.all([
    insertTenant(tx, tenant),
    insertUser(tx, owner),
    ...insertSession(tx, session),
    outboxInsert(tx, [registered(deps.events, { tenant, owner }, facts)]),
    queueMail(tx, deps, { kind: 'email_verification', to: email, origin: mailOrigin(context), told: true }),
  ])
  if (tenantRow === undefined || userRow === undefined) throw new Error('an inserted row was not returned')
  return { tenant: tenantRow, user: userRow }
}
