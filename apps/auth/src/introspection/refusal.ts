import type { TenantId } from '@memoric/contracts/ids.ts'
import type { IntrospectAnswer, Refusal } from '@memoric/contracts/introspection.ts'
import { REFUSAL_HEADER } from '@memoric/contracts/refusals.ts'
import type { AuthKeys } from '../keys/auth-keys.ts'
import { callerSettingsOf, readTenantSettings } from '../tenants/tenant-settings.ts'

export type RefusalReason = Refusal['reason']

/** The answer about a credential that nobody knows. */
export const UNKNOWN: IntrospectAnswer = {
  grant: null,
  refusal: { reason: 'unknown', tenantId: null, principal: null },
}

/** The answer about a credential that is known and does not stand. */
export function refuse(
  reason: RefusalReason,
  { tenant_id }: { readonly tenant_id: string },
  principal: Refusal['principal'],
): IntrospectAnswer {
  // From a row of that tenant.
  return { grant: null, refusal: { reason, tenantId: tenant_id as TenantId, principal } }
}

/** Headers by which the gateway tells the log of a tenant whose credential was refused and why; nobody else sees them. */
export function forTheLog(refusal: Omit<Refusal, 'reason'> & { readonly reason: string }) {
  return { [REFUSAL_HEADER]: JSON.stringify(refusal) }
}

interface TenantRowPart {
  readonly tenant_id: string
  readonly tenant_settings: unknown
  readonly tenant_ip_allow: Uint8Array | null
}

/** The settings of the tenant of a credential, and what of them limits each of its requests. */
export function tenantPart(
  keys: AuthKeys,
  { tenant_id: id, tenant_settings: settings, tenant_ip_allow }: TenantRowPart,
) {
  const read = readTenantSettings(keys.personal, id, { settings, ip_allow_sealed: tenant_ip_allow })
  const limits = { networks: read.ip_allow === null ? [] : [read.ip_allow], tenantRateLimit: read.rate_limit }
  return { settings: read, limits: { ...limits, ...callerSettingsOf(read) } }
}
