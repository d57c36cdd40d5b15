import type { Tx } from '@memoric/postgres/lease.ts'

export interface TenantRow {
  readonly id: string
  readonly name_sealed: Uint8Array
  readonly created_at: Date
}

export function selectTenant(tx: Tx, id: string) {
  return tx<TenantRow[]>`select id, name_sealed, created_at from tenants where id = ${id}`
}

export function insertTenant(tx: Tx, tenant: Omit<TenantRow, 'created_at'>) {
  return tx<TenantRow[]>`
    insert into tenants (id, name_sealed) values (${tenant.id}, ${tenant.name_sealed})
    returning id, name_sealed, created_at`
}
