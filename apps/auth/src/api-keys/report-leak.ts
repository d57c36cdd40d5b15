import type { TenantId } from '@memoric/contracts/ids.ts'
import { parseApiKey } from '@memoric/crypto/api-key.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { announceRevoked } from '../announce-revoked.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { findApiKey } from '../introspection/find-api-key.ts'
import type { ApiKeyGrantRow } from '../introspection/grant-repository.ts'
import { queueMail } from '../mail/mail-queue.ts'
import { tenantScope } from '../tenant-scope.ts'
import { revokeApiKeyRow, selectKeyGuardians } from './api-key-repository.ts'
import { leakPlace } from './leak-place.ts'

interface Leak {
  readonly row: ApiKeyGrantRow
  readonly url: string | undefined
  readonly context: RequestContext
}

/** Revokes a key that was found in the open. The answer to every text is the same; only who holds the whole key could tell the work apart. */
export function reportLeak(deps: Deps): Handler<'reportLeak'> {
  return async ({ body, context }) => {
    const key = parseApiKey(body.key.trim())
    if (key !== null) {
      const { row, isSecretRight } = await findApiKey(deps, key.keyId, key.secret)
      if (isSecretRight && !row.revoked && !row.expired) await endLeaked(deps, { row, url: body.url, context })
    }
    return { status: 202, body: {} }
  }
}

async function endLeaked(deps: Deps, leak: Leak): Promise<void> {
  const { tenant_id: tenantId, id } = leak.row
  await tenantTransaction(deps.sql, tenantScope(tenantId), (tx) => revokeLeaked(tx, deps, leak))
  deps.relay.wake()
  deps.mail.wake()
  announceRevoked(deps, [id])
}

async function revokeLeaked(tx: Tx, deps: Deps, leak: Leak): Promise<void> {
  const { tenant_id: tenantId, id } = leak.row
  const [revoked] = await revokeApiKeyRow(tx, tenantId, id, 'leaked')
  if (revoked === undefined) return
  const told = await selectKeyGuardians(tx, tenantId, leak.row.creator_id)
  const text = `The API key ${revoked.key_id} of your tenant was reported as found in the open, and was revoked.`
  await Promise.all([
    outboxInsert(tx, [leaked(deps, leak, revoked.key_id)]),
    ...told.map((user) =>
      queueMail(tx, deps, { kind: 'security_notice', tenantId: tenantOf(leak), userId: user.id, text }),
    ),
  ])
}

function tenantOf({ row }: Leak): TenantId {
  // From a row of that tenant.
  return row.tenant_id as TenantId
}

/** Who reports it may be of another tenant, of which this one learns nothing. */
function leaked({ events }: Deps, leak: Leak, keyId: string) {
  const { row, url, context } = leak
  const isOwn = context.caller.tenantId === row.tenant_id
  const place = url === undefined ? null : leakPlace(url)
  return events({
    type: 'api_key.leaked',
    context,
    tenantId: tenantOf(leak),
    ...(!isOwn && { actor: 'anonymous:anonymous' }),
    resourceId: row.id,
    statusCode: 202,
    reason: 'leaked',
    details: { key_id: keyId, ...(place !== null && { url: place }) },
  })
}
