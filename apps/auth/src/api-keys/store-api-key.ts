import type { Permission } from '@memoric/contracts/permissions.ts'
import { createApiKey, hashApiKeySecret } from '@memoric/crypto/api-key.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { OutboxEvent } from '@memoric/service/event-factory.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import type { Deps } from '../deps.ts'
import { sealNetworks } from '../tenants/tenant-settings.ts'
import { type ApiKeyRow, holdCreator, insertApiKey } from './api-key-repository.ts'
import { apiKeyView } from './api-key-view.ts'

/** What a new key is to be; null is no limit. */
export interface KeySpecification {
  readonly createdBy: string
  readonly name: string
  readonly scopes: readonly Permission[]
  readonly namespaces: string[] | null
  readonly subjects: string[] | null
  readonly networks: readonly string[] | null
  readonly rateLimit: number | null
  readonly lifetimeSeconds: number
  readonly endsBy: Date | null
}

/** A new key as it is stored, and the only text of it that there will be. */
export interface StoredKey {
  readonly row: ApiKeyRow
  readonly text: string
}

/** Makes a key and stores it in a tenant. Throws AppError `write_conflict` when who makes it was stopped meanwhile. */
export async function storeApiKey(
  tx: Tx,
  { config, keys }: Pick<Deps, 'config' | 'keys'>,
  tenantId: string,
  wanted: KeySpecification,
): Promise<StoredKey> {
  const held = await holdCreator(tx, tenantId, wanted.createdBy)
  if (held.length === 0) throw new AppError('write_conflict')
  const id = uuidV7()
  const key = createApiKey(config.MEMORIC_ENV)
  const [row] = await insertApiKey(tx, {
    tenant_id: tenantId,
    id,
    key_id: key.keyId,
    secret_hash: hashApiKeySecret(key.secret, config.API_KEY_PEPPER),
    name_sealed: keys.personal.seal({ tenantId, recordId: id, field: 'name' }, wanted.name),
    scopes: [...new Set(wanted.scopes)],
    namespaces: wanted.namespaces,
    subjects: wanted.subjects,
    ip_allow_sealed: sealNetworks(keys.personal, tenantId, id, wanted.networks),
    rate_limit: wanted.rateLimit,
    created_by: wanted.createdBy,
    lifetime_seconds: wanted.lifetimeSeconds,
    ends_by: wanted.endsBy,
  })
  if (row === undefined) throw new Error('an inserted row was not returned')
  return { row, text: key.text }
}

/** The event of a new key: where it may be used from is not told. */
export function keyCreated(
  { events }: Pick<Deps, 'events'>,
  { row }: StoredKey,
  context: RequestContext,
  rotatedFrom?: string,
): OutboxEvent {
  return events({
    type: 'api_key.created',
    context,
    resourceId: row.id,
    statusCode: 201,
    details: {
      key_id: row.key_id,
      scopes: row.scopes,
      namespaces: row.namespaces,
      subjects: row.subjects,
      has_ip_allow: row.ip_allow_sealed !== null,
      rate_limit: row.rate_limit,
      expires_at: row.expires_at.toISOString(),
      ...(rotatedFrom !== undefined && { rotated_from: rotatedFrom }),
    },
  })
}

/** What the maker of a key is shown. */
export function createdKeyView({ keys }: Pick<Deps, 'keys'>, { row, text }: StoredKey) {
  return { ...apiKeyView(keys.personal, row), key: text }
}
