import type { containBody } from '@memoric/contracts/tenant-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { z } from 'zod'
import { announceRevoked } from '../announce-revoked.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { requireAnotherOwner, requireAuthorityOver, requireOwner } from '../members/member-rules.ts'
import { lockMembership, targetOf } from '../members/membership.ts'
import { tenantScope } from '../tenant-scope.ts'
import { lockTenant } from './containment-repository.ts'
import { raiseLogging } from './raise-logging.ts'
import { containApiKey, type Contained, containTenant, containUser } from './containment.ts'

type Target = z.infer<typeof containBody>['target']

/** Stops a tenant, a user or an API key at once; whoever asks may be among those who are stopped. */
export function contain(deps: Deps): Handler<'contain'> {
  return async ({ body: { target, reason }, context }) => {
    const { sessions, apiKeys, announce } = await tenantTransaction(
      deps.sql,
      tenantScope(context.caller.tenantId),
      (tx) => stopAndLog(tx, deps, target, reason, context),
    )
    deps.relay.wake()
    announceRevoked(deps, announce)
    return { status: 200, body: { sessions_revoked: sessions.length, api_keys_revoked: apiKeys.length } }
  }
}

/** From here on the log tells of every read, so gateways forget what they know of the tenant's settings. */
async function stopAndLog(...[tx, deps, target, reason, context]: Parameters<typeof stop>): Promise<Contained> {
  const isRaised = await raiseLogging(tx, deps, context)
  const contained = await stop(tx, deps, target, reason, context)
  return isRaised ? { ...contained, announce: [...contained.announce, context.caller.tenantId] } : contained
}

/**
 * Only owners stop an owner or everybody, and one active owner stays unless everybody is stopped. Whoever locks the tenant and
 * members of it locks the tenant first.
 */
async function stop(tx: Tx, deps: Deps, target: Target, reason: string, context: RequestContext): Promise<Contained> {
  const request = { tenantId: context.caller.tenantId, reason, statusCode: 200 }
  if (target.type === 'tenant') await lockTenant(tx, request.tenantId)
  const membership = await lockMembership(tx, context.caller, target.type === 'user' ? target.id : null)
  if (target.type === 'api_key') return containApiKey(tx, deps, { ...request, apiKeyId: target.id }, context)
  if (target.type === 'tenant') {
    requireOwner(membership.actor)
    return containTenant(tx, deps, request, context)
  }
  requireAuthorityOver(membership.actor, targetOf(membership))
  requireAnotherOwner(membership)
  return containUser(tx, deps, { ...request, userId: target.id }, context)
}
