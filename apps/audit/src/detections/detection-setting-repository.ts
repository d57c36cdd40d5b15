import type { Tx } from '@memoric/postgres/lease.ts'

/** What a tenant has changed about a detection. */
export interface SettingRow {
  readonly tenant_id: string
  readonly detection: string
  readonly enabled: boolean
  readonly threshold: number | null
  readonly window_seconds: number | null
  readonly updated_by: string
  readonly updated_at: Date
}

export function selectSettings(tx: Tx, tenantIds: readonly string[]) {
  return tx<SettingRow[]>`
    select tenant_id, detection, enabled, threshold, window_seconds, updated_by, updated_at
    from detection_settings where tenant_id = any(${[...tenantIds]}::uuid[])`
}

export function saveSetting(tx: Tx, setting: Omit<SettingRow, 'updated_at'>) {
  return tx<SettingRow[]>`
    insert into detection_settings (tenant_id, detection, enabled, threshold, window_seconds, updated_by)
    values (${setting.tenant_id}, ${setting.detection}, ${setting.enabled}, ${setting.threshold}, ${setting.window_seconds},
      ${setting.updated_by})
    on conflict (tenant_id, detection) do update set enabled = excluded.enabled, threshold = excluded.threshold,
      window_seconds = excluded.window_seconds, updated_by = excluded.updated_by, updated_at = now()
    returning tenant_id, detection, enabled, threshold, window_seconds, updated_by, updated_at`
}
