import type { Tx } from '@memoric/postgres/lease.ts'
import type { TenantSettingsRow } from '../tenants/tenant-settings.ts'

/** A provider as it is stored. */
export interface SsoProviderRow {
  readonly tenant_id: string
  readonly id: string
  readonly settings_sealed: Uint8Array
  readonly created_at: Date
  readonly updated_at: Date
}

function columns(tx: Tx) {
  return tx`tenant_id, id, settings_sealed, created_at, updated_at`
}

export function selectProviders(tx: Tx, tenantId: string) {
  return tx<SsoProviderRow[]>`
    select ${columns(tx)} from sso_providers where tenant_id = ${tenantId} order by created_at, id`
}

export function selectProvider(tx: Tx, tenantId: string, id: string) {
  return tx<SsoProviderRow[]>`select ${columns(tx)} from sso_providers where tenant_id = ${tenantId} and id = ${id}`
}

export function insertProvider(
  tx: Tx,
  { tenant_id, id, settings_sealed }: Omit<SsoProviderRow, 'created_at' | 'updated_at'>,
) {
  return tx<SsoProviderRow[]>`
    insert into sso_providers (tenant_id, id, settings_sealed) values (${tenant_id}, ${id}, ${settings_sealed})
    returning ${columns(tx)}`
}

/** Replaces the settings, unless they have changed in between. */
export function updateProvider(
  tx: Tx,
  { tenant_id, id, settings_sealed: present }: SsoProviderRow,
  sealed: Uint8Array,
) {
  return tx<SsoProviderRow[]>`
    update sso_providers set settings_sealed = ${sealed}, updated_at = now()
    where tenant_id = ${tenant_id} and id = ${id} and settings_sealed = ${present}
    returning ${columns(tx)}`
}

export function deleteProvider(tx: Tx, tenantId: string, id: string) {
  return tx<{ id: string }[]>`delete from sso_providers where tenant_id = ${tenantId} and id = ${id} returning id`
}

/** A provider with what its tenant decides about signing in. */
export interface SignInProviderRow extends SsoProviderRow {
  readonly tenant_settings: TenantSettingsRow['settings']
  readonly tenant_ip_allow: TenantSettingsRow['ip_allow_sealed']
  readonly suspended: boolean
}

/** Finds a provider before its tenant is known. */
export function findProvider(tx: Tx, id: string) {
  return tx<SignInProviderRow[]>`
    select p.tenant_id, p.id, p.settings_sealed, p.created_at, p.updated_at, t.settings as tenant_settings,
      t.ip_allow_sealed as tenant_ip_allow, t.suspended_at is not null as suspended
    from sso_providers p join tenants t on t.id = p.tenant_id
    where p.id = ${id}`
}

/** The settings as they are now; nobody changes or removes the provider until the transaction ends. */
export function lockProvider(tx: Tx, tenantId: string, id: string) {
  return tx<Pick<SsoProviderRow, 'settings_sealed'>[]>`
    select settings_sealed from sso_providers where tenant_id = ${tenantId} and id = ${id} for share`
}
