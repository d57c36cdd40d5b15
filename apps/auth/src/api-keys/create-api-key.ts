import type { createApiKeyBody } from '@memoric/contracts/auth-contract.ts'
import { type ApiKey, createApiKey as makeApiKey, hashApiKeySecret } from '@memoric/crypto/api-key.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import type { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { tenantScope } from '../tenant-scope.ts'
import { insertApiKey, type NewApiKey } from './api-key-repository.ts'
import { requireShortLists, requireWithinCaller } from './api-key-rules.ts'
import { apiKeyView } from './api-key-view.ts'

const DEFAULT_EXPIRY_DAYS = 90

/** Makes an API key; the answer is the only place where its text is shown. */
export function createApiKey(deps: Deps): Handler<'createApiKey'> {
  return async ({ body, context }) => {
    const { caller } = context
    requireWithinCaller(caller, body)
    requireShortLists(body)
    const key = makeApiKey(deps.config.MEMORIC_ENV)
    const draft = draftOf(deps, body, key, context)
    const event = created(deps, draft, context)
    const [[row]] = await tenantFlight(deps.sql, tenantScope(caller.tenantId), (tx) => [
      insertApiKey(tx, draft),
      outboxInsert(tx, [event]),
    ])
    if (row === undefined) throw new Error('an inserted row was not returned')
    deps.relay.wake()
    return { status: 201, body: { ...apiKeyView(deps.keys.personal, row), key: key.text } }
  }
}

function draftOf(
  { config, keys }: Deps,
  body: z.infer<typeof createApiKeyBody>,
  key: ApiKey,
  { caller }: RequestContext,
): NewApiKey {
  const [tenantId, id] = [caller.tenantId, uuidV7()]
  return {
    tenant_id: tenantId,
    id,
    key_id: key.keyId,
    secret_hash: hashApiKeySecret(key.secret, config.API_KEY_PEPPER),
    name_sealed: keys.personal.seal({ tenantId, recordId: id, field: 'name' }, body.name),
    scopes: [...new Set(body.scopes)],
    namespaces: body.namespaces ?? null,
    subjects: body.subjects ?? null,
    made_by: caller.principal.id,
    expires_in_days: body.expires_in_days ?? DEFAULT_EXPIRY_DAYS,
  }
}

function created(deps: Deps, key: NewApiKey, context: RequestContext) {
  return deps.events({
    type: 'api_key.created',
    context,
    resourceId: key.id,
    statusCode: 201,
    details: {
      key_id: key.key_id,
      scopes: key.scopes,
      namespaces: key.namespaces,
      subjects: key.subjects,
      expires_in_days: key.expires_in_days,
    },
  })
}
