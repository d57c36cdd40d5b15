import type { CallerSettings } from '@memoric/contracts/caller.ts'
import { DEFAULT_TENANT_SETTINGS, type TenantSettings, tenantSettings } from '@memoric/contracts/tenant-contract.ts'
import { networks } from '@memoric/contracts/networks.ts'
import type { FieldSealer } from '../keys/field-sealer.ts'

/** What a tenant chose, as it is stored. */
export interface TenantSettingsRow {
  readonly settings: unknown
  readonly ip_allow_sealed: Uint8Array | null
}

const stored = tenantSettings.omit({ ip_allow: true })
const { ip_allow: _anywhere, ...defaults } = DEFAULT_TENANT_SETTINGS

/** The settings of a tenant; those that it has not chosen have their default. */
export function readTenantSettings(
  personal: FieldSealer,
  tenantId: string,
  { settings, ip_allow_sealed: sealed }: TenantSettingsRow,
): TenantSettings {
  // A JSON object: a check of the column says so.
  const chosen = stored.parse({ ...defaults, ...(settings as object) })
  return { ...chosen, ip_allow: readNetworks(personal, tenantId, tenantId, sealed) }
}

/** What of the settings travels with each request of a credential; nothing where all of it is the default. */
export function callerSettingsOf({ consent_required, audit_reads }: TenantSettings): { settings?: CallerSettings } {
  const isDefault = consent_required === defaults.consent_required && audit_reads === defaults.audit_reads
  return isDefault ? {} : { settings: { consent_required, audit_reads } }
}

/** The networks of a tenant or of one of its API keys. */
export function readNetworks(
  personal: FieldSealer,
  tenantId: string,
  recordId: string,
  sealed: Uint8Array | null,
): string[] | null {
  if (sealed === null) return null
  return networks.parse(JSON.parse(personal.open({ tenantId, recordId, field: 'ip_allow' }, sealed)))
}

/** The other direction: what is stored of networks. */
export function sealNetworks(
  personal: FieldSealer,
  tenantId: string,
  recordId: string,
  list: readonly string[] | null,
): Buffer | null {
  return list === null ? null : personal.seal({ tenantId, recordId, field: 'ip_allow' }, JSON.stringify(list))
}
