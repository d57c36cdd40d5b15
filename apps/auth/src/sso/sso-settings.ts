import { createSsoProviderBody } from '@memoric/contracts/sso-contract.ts'
import type { z } from 'zod'
import type { FieldSealer } from '../keys/field-sealer.ts'

/** What a tenant chose for a provider, with the client secret; sealed as a whole. */
export type SsoSettings = z.output<typeof createSsoProviderBody>

interface Place {
  readonly tenant_id: string
  readonly id: string
}

function placeOf({ tenant_id: tenantId, id: recordId }: Place) {
  return { tenantId, recordId, field: 'sso_settings' } as const
}

export function sealSsoSettings(credentials: FieldSealer, place: Place, settings: SsoSettings): Buffer {
  return credentials.seal(placeOf(place), JSON.stringify(settings))
}

export function openSsoSettings(
  credentials: FieldSealer,
  row: Place & { readonly settings_sealed: Uint8Array },
): SsoSettings {
  return createSsoProviderBody.parse(JSON.parse(credentials.open(placeOf(row), row.settings_sealed)))
}
