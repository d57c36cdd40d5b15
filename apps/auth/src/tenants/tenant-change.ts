import { isDeepStrictEqual } from 'node:util'
import type { TenantSettings, updateTenantBody } from '@memoric/contracts/tenant-contract.ts'
import type { JsonValue } from '@memoric/contracts/text.ts'
import type { z } from 'zod'
import { loosenedSettings } from './loosened-settings.ts'

type UpdateTenantBody = z.infer<typeof updateTenantBody>

/** A tenant as it is before a change. */
export interface TenantBefore {
  readonly name: string
  readonly settings: TenantSettings
}

/** What becomes different of a tenant; what is left out stays. */
export interface TenantChange {
  readonly name?: string
  readonly settings: Partial<TenantSettings>
}

/** What is asked for and is not so already. */
export function tenantChangeOf(before: TenantBefore, { name, settings = {} }: UpdateTenantBody): TenantChange {
  const isOther = ([key, value]: [string, unknown]) =>
    value !== undefined && !isDeepStrictEqual(value, before.settings[key as keyof TenantSettings])
  return {
    ...(name !== undefined && name !== before.name && { name }),
    settings: Object.fromEntries(Object.entries(settings).filter(isOther)),
  }
}

export function isNothing({ name, settings }: TenantChange): boolean {
  return name === undefined && Object.keys(settings).length === 0
}

/**
 * What the log is told: values before and after, and which of them let more happen; of networks how many there are, and of the
 * name that it changed.
 */
export function describeChange({ settings: before }: TenantBefore, change: TenantChange): Record<string, JsonValue> {
  const keys = Object.keys(change.settings) as (keyof TenantSettings)[]
  const told = (settings: Partial<TenantSettings>, key: keyof TenantSettings): JsonValue => {
    if (key === 'ip_allow') return settings.ip_allow?.length ?? null
    return settings[key] ?? null
  }
  const loosened = loosenedSettings(before, change.settings)
  return {
    changed: [...(change.name === undefined ? [] : ['name']), ...keys],
    ...(loosened.length > 0 && { loosened }),
    settings: Object.fromEntries(keys.map((key) => [key, { from: told(before, key), to: told(change.settings, key) }])),
  }
}
