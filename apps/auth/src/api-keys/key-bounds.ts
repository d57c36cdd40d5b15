import type { Caller } from '@memoric/contracts/caller.ts'
import type { TenantSettings } from '@memoric/contracts/tenant-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { selectTenant } from '../accounts/tenant-repository.ts'
import type { AuthConfig } from '../config.ts'
import type { Deps } from '../deps.ts'
import { readNetworks, readTenantSettings } from '../tenants/tenant-settings.ts'
import { type ApiKeyRow, lockCreator, selectApiKey } from './api-key-repository.ts'
import type { MakingKey } from './api-key-rules.ts'

/** What a new key may be at most, besides the rights of its maker: days by its tenant, the rest by the key that makes it. */
export interface KeyBounds {
  /** The user behind the new key. */
  readonly createdBy: string
  readonly defaultDays: number
  readonly mostDays: number
  /** Null where a user makes it. */
  readonly maker: MakingKey | null
}

/** Holds the user behind the caller until the transaction ends. Throws AppError `permission_denied` when that one is gone. */
export async function readKeyBounds(
  tx: Tx,
  { config, keys }: Pick<Deps, 'config' | 'keys'>,
  { tenantId, principal }: Caller,
): Promise<KeyBounds> {
  const [[user], [tenant], [key]] = await Promise.all([
    lockCreator(tx, tenantId, principal.id),
    selectTenant(tx, tenantId),
    selectApiKey(tx, tenantId, principal.id),
  ])
  if (user === undefined || tenant === undefined) {
    throw new AppError('permission_denied', { detail: 'the one who makes the key is gone' })
  }
  return {
    createdBy: user.id,
    ...daysOf(config, readTenantSettings(keys.personal, tenantId, tenant)),
    maker: key === undefined ? null : makingKey(keys, key),
  }
}

type DaysConfig = Pick<AuthConfig, 'API_KEY_DEFAULT_DAYS' | 'API_KEY_MAX_DAYS'>
type DaysSettings = Pick<TenantSettings, 'api_key_default_days' | 'api_key_max_days'>

/** A tenant can only be stricter than the installation, and no default is beyond the most. */
function daysOf(config: DaysConfig, settings: DaysSettings) {
  const mostDays = Math.min(config.API_KEY_MAX_DAYS, settings.api_key_max_days ?? Infinity)
  return { mostDays, defaultDays: Math.min(mostDays, settings.api_key_default_days ?? config.API_KEY_DEFAULT_DAYS) }
}

function makingKey({ personal }: Deps['keys'], row: ApiKeyRow): MakingKey {
  return {
    networks: readNetworks(personal, row.tenant_id, row.id, row.ip_allow_sealed),
    rateLimit: row.rate_limit,
    expiresAt: row.expires_at,
  }
}
