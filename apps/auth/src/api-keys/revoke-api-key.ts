import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { tenantScope } from '../tenant-scope.ts'
import { revokeApiKeyRow, selectApiKey } from './api-key-repository.ts'
import { announceRevoked } from '../announce-revoked.ts'

/** Revokes a key. Asking again changes nothing, but tells the gateways once more. */
export function revokeApiKey(deps: Deps): Handler<'revokeApiKey'> {
  return async ({ params: { id }, context }) => {
    await tenantTransaction(deps.sql, tenantScope(context.caller.tenantId), (tx) => revoke(tx, deps, id, context))
    deps.relay.wake()
    announceRevoked(deps, [id])
    return { status: 204, body: null }
  }
}

async function revoke(tx: Tx, deps: Deps, id: string, context: RequestContext): Promise<void> {
  const { tenantId } = context.caller
  const [revoked] = await revokeApiKeyRow(tx, tenantId, id, 'revoked')
  if (revoked === undefined) return requireKey(tx, tenantId, id)
  const details = { key_id: revoked.key_id }
  const event = deps.events({ type: 'api_key.revoked', context, resourceId: id, statusCode: 204, details })
  await outboxInsert(tx, [event])
}

async function requireKey(tx: Tx, tenantId: string, id: string): Promise<void> {
  const [key] = await selectApiKey(tx, tenantId, id)
  if (key === undefined) throw new AppError('api_key_not_found')
}
