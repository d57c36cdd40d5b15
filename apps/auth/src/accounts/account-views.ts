import type { tenant, user } from '@memoric/contracts/auth-contract.ts'
import type { TenantId, UserId } from '@memoric/contracts/ids.ts'
import type { z } from 'zod'
import type { FieldSealer } from '../keys/field-sealer.ts'
import type { TenantRow } from './tenant-repository.ts'
import type { UserRow } from './user-repository.ts'

type UserView = z.infer<typeof user>
type TenantView = z.infer<typeof tenant>

/** A user as the API shows it. Ids of rows were made as such. */
export function userView(personal: FieldSealer, row: UserRow): UserView {
  const place = { tenantId: row.tenant_id, recordId: row.id }
  const name = row.display_name_sealed
  return {
    id: row.id as UserId,
    tenant_id: row.tenant_id as TenantId,
    email: personal.open({ ...place, field: 'email' }, row.email_sealed),
    display_name: name === null ? null : personal.open({ ...place, field: 'display_name' }, name),
    role: row.role,
    active: row.deactivated_at === null,
    email_verified: row.email_verified_at !== null,
    totp_enabled: row.totp_confirmed_at !== null,
    last_sign_in_at: row.last_sign_in_at?.toISOString() ?? null,
    created_at: row.created_at.toISOString(),
  }
}

export function tenantView(personal: FieldSealer, row: TenantRow): TenantView {
  return {
    id: row.id as TenantId,
    name: personal.open({ tenantId: row.id, recordId: row.id, field: 'name' }, row.name_sealed),
    created_at: row.created_at.toISOString(),
  }
}
