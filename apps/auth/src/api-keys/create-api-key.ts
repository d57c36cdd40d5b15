import type { createApiKeyBody } from '@memoric/contracts/api-key-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { tenantScope } from '../tenant-scope.ts'
import { requireLifetime, requireShortLists, requireWithinCaller, requireWithinMaker } from './api-key-rules.ts'
import { type KeyBounds, readKeyBounds } from './key-bounds.ts'
import { createdKeyView, keyCreated, type KeySpecification, storeApiKey, type StoredKey } from './store-api-key.ts'

type Body = z.infer<typeof createApiKeyBody>

const DAY_SECONDS = 86_400

/** Makes an API key; the answer is the only place where its text is shown. */
export function createApiKey(deps: Deps): Handler<'createApiKey'> {
  return async ({ body, context }) => {
    const { caller } = context
    requireWithinCaller(caller, body)
    requireShortLists(body)
    const key = await tenantTransaction(deps.sql, tenantScope(caller.tenantId), (tx) => create(tx, deps, body, context))
    deps.relay.wake()
    return { status: 201, body: createdKeyView(deps, key) }
  }
}

async function create(tx: Tx, deps: Deps, body: Body, context: RequestContext): Promise<StoredKey> {
  const bounds = await readKeyBounds(tx, deps, context.caller)
  const key = await storeApiKey(tx, deps, context.caller.tenantId, specify(body, bounds))
  await outboxInsert(tx, [keyCreated(deps, key, context)])
  return key
}

/** A list that is left out means everything, which may be too much; a number that is left out is never more than the most. */
function specify(body: Body, { createdBy, maker, defaultDays, mostDays }: KeyBounds): KeySpecification {
  const networks = body.ip_allow ?? null
  const rateLimit = body.rate_limit ?? maker?.rateLimit ?? null
  requireWithinMaker(maker, { networks, rateLimit })
  if (body.expires_in_days !== undefined) requireLifetime(body.expires_in_days, mostDays, maker)
  return {
    createdBy,
    name: body.name,
    scopes: body.scopes,
    namespaces: body.namespaces ?? null,
    subjects: body.subjects ?? null,
    networks,
    rateLimit,
    lifetimeSeconds: (body.expires_in_days ?? defaultDays) * DAY_SECONDS,
    endsBy: maker?.expiresAt ?? null,
  }
}
