import type { tenantWithSettings } from '@memoric/contracts/tenant-contract.ts'
import type { z } from 'zod'
import { tenantView } from '../accounts/account-views.ts'
import type { TenantRow } from '../accounts/tenant-repository.ts'
import type { FieldSealer } from '../keys/field-sealer.ts'
import { readTenantSettings } from './tenant-settings.ts'

/** A tenant as its administrators see it. */
export function tenantWithSettingsView(personal: FieldSealer, row: TenantRow): z.infer<typeof tenantWithSettings> {
  return { ...tenantView(personal, row), settings: readTenantSettings(personal, row.id, row) }
}
