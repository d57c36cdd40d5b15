import type { registerBody } from '@memoric/contracts/auth-contract.ts'
import type { TenantId } from '@memoric/contracts/ids.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import type { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import type { AuthKeys } from '../keys/auth-keys.ts'
import { insertSession, newSession, type NewSession } from '../sessions/session-repository.ts'
import { tokenPair } from '../sessions/token-pair.ts'
import { tenantView, userView } from './account-views.ts'
import { requireGoodPassword } from './password-rules.ts'
import { insertTenant, type TenantRow } from './tenant-repository.ts'
import { insertUser, lockEmail, type NewUser, selectEmailTaken, type UserRow } from './user-repository.ts'

type RegisterBody = z.infer<typeof registerBody>

interface Registration {
  readonly tenant: Omit<TenantRow, 'created_at'>
  readonly owner: NewUser
  readonly emailIndex: Buffer
  readonly session: NewSession
}

/** Makes a tenant, its owner and the owner's first session. */
export function register(deps: Deps): Handler<'register'> {
  return async ({ body, context }) => {
    if (deps.config.REGISTRATION === 'closed') throw new AppError('registration_closed')
    requireGoodPassword(body.password)
    const registration = draft(deps.keys, body, await deps.passwords.hash(body.password))
    const stored = await store(deps, registration, body.email, context)
    deps.relay.wake()
    return {
      status: 201,
      body: {
        user: userView(deps.keys.personal, stored.user),
        tenant: tenantView(deps.keys.personal, stored.tenant),
        ...(await tokenPair(deps.accessTokens, registration.session)),
      },
    }
  }
}

function draft(keys: AuthKeys, body: RegisterBody, passwordHash: string): Registration {
  const [tenantId, userId] = [uuidV7(), uuidV7()]
  const place = { tenantId, recordId: userId }
  const name = body.display_name
  const emailIndex = keys.emailIndex(body.email)
  const owner: NewUser = {
    tenant_id: tenantId,
    id: userId,
    email_index: emailIndex,
    email_sealed: keys.personal.seal({ ...place, field: 'email' }, body.email),
    display_name_sealed: name === undefined ? null : keys.personal.seal({ ...place, field: 'display_name' }, name),
    role: 'owner',
    password_hash: passwordHash,
  }
  const nameSealed = keys.personal.seal({ tenantId, recordId: tenantId, field: 'name' }, body.tenant_name)
  return { tenant: { id: tenantId, name_sealed: nameSealed }, owner, emailIndex, session: newSession(owner) }
}

/** In the system scope: the tenant does not exist yet, and the e-mail must be free in all of them. */
function store(deps: Deps, registration: Registration, email: string, context: RequestContext) {
  return systemTransaction(deps.sql, async (tx) => {
    await lockEmail(tx, registration.emailIndex)
    const taken = await selectEmailTaken(tx, registration.emailIndex)
    if (taken.length > 0) throw new AppError('email_taken')
    return insertAll(tx, deps, registration, registered(deps, registration, email, context))
  })
}

async function insertAll(
  tx: Tx,
  deps: Deps,
  { tenant, owner, session }: Registration,
  event: ReturnType<Deps['events']>,
): Promise<{ tenant: TenantRow; user: UserRow }> {
  const [[tenantRow], [userRow]] = await Promise.all([
    insertTenant(tx, tenant),
    insertUser(tx, owner),
    ...insertSession(tx, session, deps.config),
    outboxInsert(tx, [event]),
  ])
  if (tenantRow === undefined || userRow === undefined) throw new Error('an inserted row was not returned')
  return { tenant: tenantRow, user: userRow }
}

function registered(deps: Deps, { tenant, owner, session }: Registration, email: string, context: RequestContext) {
  return deps.events({
    type: 'auth.registered',
    context,
    // Made a few lines above.
    tenantId: tenant.id as TenantId,
    actor: `user:${owner.id}`,
    resourceId: tenant.id,
    statusCode: 201,
    details: { user_id: owner.id, session_id: session.sessionId },
    email,
  })
}
