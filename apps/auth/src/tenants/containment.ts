import type { Role } from '@memoric/contracts/permissions.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { EventContext, OutboxEvent } from '@memoric/service/event-factory.ts'
import { endApiKeys } from '../api-keys/end-api-keys.ts'
import type { Deps } from '../deps.ts'
import { endSessions } from '../sessions/end-sessions.ts'
import { deactivateUser, lockTenant, lockUsers } from './containment-repository.ts'
import { suspendTenant, type SuspensionRequest } from './suspension.ts'

type WithEvents = Pick<Deps, 'events'>

/** What was stopped. The caller announces `announce` after the commit (`announceRevoked`) and wakes the relay. */
export interface Contained {
  readonly sessions: readonly string[]
  readonly apiKeys: readonly string[]
  /** Ids by which gateways forget every grant concerned. */
  readonly announce: readonly string[]
}

interface Target {
  readonly type: 'tenant' | 'user' | 'api_key'
  readonly id: string
}

interface UserRequest extends SuspensionRequest {
  readonly userId: string
}

/** Suspends a tenant, ends every session and revokes every key of it: resuming it brings none of them back. */
export async function containTenant(
  tx: Tx,
  deps: WithEvents,
  request: SuspensionRequest,
  context: EventContext,
): Promise<Contained> {
  const { tenantId, statusCode } = request
  await lockTenant(tx, tenantId)
  await suspendTenant(tx, deps, request, context)
  await lockUsers(tx, tenantId)
  const ending = { tenantId, reason: 'contained', statusCode } as const
  const sessions = await endSessions(tx, deps, ending, context)
  const apiKeys = await endApiKeys(tx, deps, ending, context)
  return tell(tx, deps, request, { type: 'tenant', id: tenantId }, { sessions, apiKeys }, [tenantId], context)
}

/** Deactivates a user, ends the sessions and revokes the keys that the user made. Throws AppError `user_not_found`. */
export async function containUser(
  tx: Tx,
  deps: WithEvents,
  request: UserRequest,
  context: EventContext,
): Promise<Contained> {
  const { tenantId, userId, statusCode } = request
  const [user] = await deactivateUser(tx, tenantId, userId)
  if (user === undefined) throw new AppError('user_not_found')
  if (user.was_active) await outboxInsert(tx, [deactivated(deps, request, user.role, context)])
  const ending = { tenantId, reason: 'contained', statusCode } as const
  const sessions = await endSessions(tx, deps, { ...ending, userId }, context)
  const apiKeys = await endApiKeys(tx, deps, { ...ending, createdBy: userId }, context)
  const announce = [userId, ...apiKeys]
  return tell(tx, deps, request, { type: 'user', id: userId }, { sessions, apiKeys }, announce, context)
}

function deactivated(
  { events }: WithEvents,
  { tenantId, userId, statusCode }: UserRequest,
  role: Role,
  context: EventContext,
): OutboxEvent {
  const type = 'user.deactivated'
  return events({ type, context, tenantId, resourceId: userId, statusCode, reason: 'contained', details: { role } })
}

/** Revokes one key; one that had ended already counts as none. Throws AppError `api_key_not_found`. */
export async function containApiKey(
  tx: Tx,
  deps: WithEvents,
  request: SuspensionRequest & { readonly apiKeyId: string },
  context: EventContext,
): Promise<Contained> {
  const { tenantId, apiKeyId: id, statusCode } = request
  const known = await tx`select 1 from api_keys where tenant_id = ${tenantId} and id = ${id}`
  if (known.length === 0) throw new AppError('api_key_not_found')
  const apiKeys = await endApiKeys(tx, deps, { tenantId, id, reason: 'contained', statusCode }, context)
  return tell(tx, deps, request, { type: 'api_key', id }, { sessions: [], apiKeys }, [id], context)
}

async function tell(
  tx: Tx,
  { events }: WithEvents,
  { tenantId, reason, statusCode }: SuspensionRequest,
  { type, id }: Target,
  ended: Pick<Contained, 'sessions' | 'apiKeys'>,
  announce: readonly string[],
  context: EventContext,
): Promise<Contained> {
  const event = events({
    type: 'incident.contained',
    context,
    tenantId,
    resourceId: tenantId,
    statusCode,
    ...(reason !== undefined && { reason }),
    details: {
      target_type: type,
      target_id: id,
      sessions_revoked: ended.sessions.length,
      api_keys_revoked: ended.apiKeys.length,
    },
  })
  await outboxInsert(tx, [event])
  return { ...ended, announce }
}
