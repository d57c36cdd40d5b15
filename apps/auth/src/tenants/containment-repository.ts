import type { Role } from '@memoric/contracts/permissions.ts'
import type { Tx } from '@memoric/postgres/lease.ts'

/** Nobody can suspend or resume the tenant until the transaction ends. */
export function lockTenant(tx: Tx, tenantId: string) {
  return tx`select 1 from tenants where id = ${tenantId} for no key update`
}

/** Nobody can sign in to the tenant until the transaction ends. */
export function lockUsers(tx: Tx, tenantId: string) {
  return tx`
    with locked as (select id from users where tenant_id = ${tenantId} order by id for update) select count(*) from locked`
}

/** Deactivates the user, if it is active, and gives what it was before; nothing when there is none. */
export function deactivateUser(tx: Tx, tenantId: string, userId: string) {
  return tx<{ role: Role; was_active: boolean }[]>`
    with before as (
      select id, deactivated_at from users where tenant_id = ${tenantId} and id = ${userId} for update
    )
    update users u set deactivated_at = coalesce(u.deactivated_at, now())
    from before where u.tenant_id = ${tenantId} and u.id = before.id
    returning u.role, before.deactivated_at is null as was_active`
}
