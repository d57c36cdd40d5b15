import type { TenantId } from '@memoric/contracts/ids.ts'
import type { Grant, IntrospectBody } from '@memoric/contracts/introspection.ts'
import { verifyApiKeySecret } from '@memoric/crypto/api-key.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { Deps } from '../deps.ts'
import { type Creator, scopesNow, subjectsNow } from './creator-limits.ts'
import { type ApiKeyGrantRow, selectApiKeyGrant } from './grant-repository.ts'

type ApiKeyQuestion = Extract<IntrospectBody, { kind: 'api_key' }>

/** Junk costs no query. */
const KEY_ID = /^[0-9A-Za-z]{16}$/

/** Compared with when there is no such key, so that a known key id takes no longer than an unknown one. */
const NO_HASH = Buffer.alloc(32)

/** What an API key may do, or null when it is unknown, wrong, revoked or expired. */
export async function introspectApiKey(deps: Deps, { key_id, secret }: ApiKeyQuestion): Promise<Grant | null> {
  if (!KEY_ID.test(key_id)) return null
  const [[row]] = await systemFlight(deps.sql, (tx) => [selectApiKeyGrant(tx, key_id)])
  const isRight = verifyApiKeySecret(secret, deps.config.API_KEY_PEPPER, row?.secret_hash ?? NO_HASH)
  if (row === undefined || !isRight) return null
  deps.keyUse.mark(row.tenant_id, row.id)
  return grantOf(row)
}

function grantOf(row: ApiKeyGrantRow): Grant {
  const creator = creatorOf(row)
  return {
    grantId: row.id,
    // From a row of that tenant.
    tenantId: row.tenant_id as TenantId,
    principal: { type: 'api_key', id: row.id },
    permissions: scopesNow(row.scopes, creator),
    subjects: subjectsNow(row.subjects ?? '*', creator),
    namespaces: row.namespaces ?? '*',
    expiresAt: row.expires_at.getTime(),
  }
}

function creatorOf({ creator_id: id, creator_role: role }: ApiKeyGrantRow): Creator | null {
  return id === null || role === null ? null : { id, role }
}
