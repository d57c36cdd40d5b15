import type { createUserBody } from '@memoric/contracts/member-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantFlight, tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { z } from 'zod'
import { tenantView, userView } from '../accounts/account-views.ts'
import { selectTenant } from '../accounts/tenant-repository.ts'
import { insertUser, type NewUser, type UserRow } from '../accounts/user-repository.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { queueMail } from '../mail/mail-queue.ts'
import { requireGoodPassword } from '../passwords/password-rules.ts'
import { tenantScope } from '../tenant-scope.ts'
import { readTenantSettings } from '../tenants/tenant-settings.ts'
import { requireHolds, requireMayGive } from './member-rules.ts'
import { lockMembership } from './membership.ts'
import { askForProof, asEmailTaken, newMember } from './new-member.ts'

type CreateUserBody = z.infer<typeof createUserBody>

/** Adds a member. A mail lets the member prove the address, by setting a password where there is none yet. */
export function createUser(deps: Deps): Handler<'createUser'> {
  return async ({ body, context }) => {
    const { tenantId } = context.caller
    requireHolds(context.caller, body.role)
    const passwordHash = body.password === undefined ? null : await hashPassword(deps, tenantId, body, body.password)
    const { email, role, display_name: displayName } = body
    const member = newMember(deps.keys, { tenantId, email, displayName, role, passwordHash })
    const row = await store(deps, member, email, context)
    deps.relay.wake()
    deps.mail.wake()
    return { status: 201, body: userView(deps.keys.personal, row) }
  }
}

async function hashPassword(deps: Deps, tenantId: string, body: CreateUserBody, password: string): Promise<string> {
  const { personal } = deps.keys
  const [[tenant]] = await tenantFlight(deps.sql, tenantScope(tenantId), (tx) => [selectTenant(tx, tenantId)])
  if (tenant === undefined) throw new AppError('invalid_token')
  await requireGoodPassword(password, {
    email: body.email,
    displayName: body.display_name,
    tenantName: tenantView(personal, tenant).name,
    hasSecondFactor: false,
    minLength: readTenantSettings(personal, tenantId, tenant).password_min_length,
  })
  return deps.passwords.hash(password)
}

async function store(deps: Deps, member: NewUser, email: string, context: RequestContext): Promise<UserRow> {
  try {
    return await tenantTransaction(deps.sql, tenantScope(member.tenant_id), (tx) =>
      insert(tx, deps, member, email, context),
    )
  } catch (error) {
    throw asEmailTaken(error)
  }
}

async function insert(tx: Tx, deps: Deps, member: NewUser, email: string, context: RequestContext): Promise<UserRow> {
  const { actor } = await lockMembership(tx, context.caller, null)
  requireMayGive(actor, member.role)
  const [[row]] = await Promise.all([
    insertUser(tx, member),
    outboxInsert(tx, [created(deps, member, email, context)]),
    member.password_hash === null ? askForPassword(tx, deps, member, context) : askForProof(tx, deps, email, context),
  ])
  if (row === undefined) throw new Error('an inserted row was not returned')
  return row
}

function askForPassword(tx: Tx, deps: Deps, { id }: NewUser, { caller: { tenantId } }: RequestContext) {
  return queueMail(tx, deps, { kind: 'new_member', tenantId, userId: id })
}

function created(deps: Deps, { id, role, password_hash }: NewUser, email: string, context: RequestContext) {
  const details = { role, with_password: password_hash !== null }
  return deps.events({ type: 'user.created', context, resourceId: id, statusCode: 201, details, email })
}
