import type { Tx } from '@memoric/postgres/lease.ts'
import type { TenantSettingsRow } from '../tenants/tenant-settings.ts'

export interface TenantRow extends TenantSettingsRow {
  readonly id: string
  readonly name_sealed: Uint8Array
  readonly suspended_at: Date | null
  readonly created_at: Date
}

export type NewTenant = Pick<TenantRow, 'id' | 'name_sealed'>

function columns(tx: Tx) {
  return tx`id, name_sealed, settings, ip_allow_sealed, suspended_at, created_at`
}

export function selectTenant(tx: Tx, id: string) {
  return tx<TenantRow[]>`select ${columns(tx)} from tenants where id = ${id}`
}

/** Every tenant, oldest first. */
export function selectTenants(tx: Tx) {
  return tx<TenantRow[]>`select ${columns(tx)} from tenants order by created_at, id`
}

export function insertTenant(tx: Tx, tenant: NewTenant) {
  return tx<TenantRow[]>`
    insert into tenants (id, name_sealed) values (${tenant.id}, ${tenant.name_sealed}) returning ${columns(tx)}`
}

/** The tenant, which nobody else can change until the transaction ends. */
export function lockTenantRow(tx: Tx, id: string) {
  return tx<TenantRow[]>`select ${columns(tx)} from tenants where id = ${id} for no key update`
}

/** What an administrator changes of a tenant. */
export interface TenantColumns extends Pick<TenantRow, 'name_sealed' | 'ip_allow_sealed'> {
  /** Those that are changed; null goes back to the rule of the installation. */
  readonly settings: Readonly<Record<string, string | number | boolean | null>>
}

export function updateTenantRow(tx: Tx, id: string, to: TenantColumns) {
  return tx<TenantRow[]>`
    update tenants set name_sealed = ${to.name_sealed}, ip_allow_sealed = ${to.ip_allow_sealed},
      settings = jsonb_strip_nulls(settings || ${tx.json(to.settings)})
    where id = ${id}
    returning ${columns(tx)}`
}

/** Whether the tenant may go on; nobody can suspend it until the transaction ends. */
export function lockTenantActive(tx: Tx, id: string) {
  return tx<{ active: boolean }[]>`select suspended_at is null as active from tenants where id = ${id} for share`
}
