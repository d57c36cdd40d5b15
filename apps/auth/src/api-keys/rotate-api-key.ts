import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { announceRevoked } from '../announce-revoked.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { tenantScope } from '../tenant-scope.ts'
import { readNetworks } from '../tenants/tenant-settings.ts'
import { type ApiKeyRow, lockApiKey, replaceApiKey } from './api-key-repository.ts'
import { requireWithinCaller, requireWithinMaker } from './api-key-rules.ts'
import { type KeyBounds, readKeyBounds } from './key-bounds.ts'
import { createdKeyView, keyCreated, type KeySpecification, storeApiKey, type StoredKey } from './store-api-key.ts'

const DAY_SECONDS = 86_400

interface Rotation {
  readonly id: string
  readonly overlapSeconds: number
  readonly context: RequestContext
}

/** Puts a new key in the place of another. Of several who do so at once, one succeeds. */
export function rotateApiKey(deps: Deps): Handler<'rotateApiKey'> {
  return async ({ params: { id }, body, context }) => {
    const rotation = { id, overlapSeconds: body.overlap_seconds, context }
    const key = await tenantTransaction(deps.sql, tenantScope(context.caller.tenantId), (tx) =>
      rotate(tx, deps, rotation),
    )
    deps.relay.wake()
    announceRevoked(deps, [id])
    return { status: 201, body: createdKeyView(deps, key) }
  }
}

async function rotate(tx: Tx, deps: Deps, rotation: Rotation): Promise<StoredKey> {
  const { id, overlapSeconds, context } = rotation
  const { tenantId } = context.caller
  const bounds = await readKeyBounds(tx, deps, context.caller)
  const [old] = await lockApiKey(tx, tenantId, id)
  if (old === undefined) throw new AppError('api_key_not_found')
  if (old.ended) throw new AppError('api_key_ended')
  requireWithinCaller(context.caller, old)
  const key = await storeApiKey(tx, deps, tenantId, likeBefore(deps, old, bounds))
  const [replaced] = await replaceApiKey(tx, old, key.row.id, overlapSeconds)
  if (replaced === undefined) throw new Error('a locked row is gone')
  const told = [rotated(deps, old, key, replaced.expires_at, rotation), keyCreated(deps, key, context, id)]
  await outboxInsert(tx, told)
  return key
}

/** As long as the old key was to live, but no longer than keys may by now, nor than a key that rotates. */
function likeBefore({ keys }: Deps, old: ApiKeyRow, { createdBy, maker, mostDays }: KeyBounds): KeySpecification {
  const limits = {
    networks: readNetworks(keys.personal, old.tenant_id, old.id, old.ip_allow_sealed),
    rateLimit: old.rate_limit,
  }
  requireWithinMaker(maker, limits)
  const seconds = (old.expires_at.getTime() - old.created_at.getTime()) / 1000
  return {
    ...limits,
    createdBy,
    name: keys.personal.open({ tenantId: old.tenant_id, recordId: old.id, field: 'name' }, old.name_sealed),
    scopes: old.scopes,
    namespaces: old.namespaces,
    subjects: old.subjects,
    lifetimeSeconds: Math.min(seconds, mostDays * DAY_SECONDS),
    endsBy: maker?.expiresAt ?? null,
  }
}

function rotated({ events }: Deps, old: ApiKeyRow, { row }: StoredKey, endsAt: Date, rotation: Rotation) {
  return events({
    type: 'api_key.rotated',
    context: rotation.context,
    resourceId: old.id,
    statusCode: 201,
    details: {
      key_id: old.key_id,
      successor_id: row.id,
      successor_key_id: row.key_id,
      overlap_seconds: rotation.overlapSeconds,
      expires_at: endsAt.toISOString(),
    },
  })
}
