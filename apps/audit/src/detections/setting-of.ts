import type { SettingRow } from './detection-setting-repository.ts'
import type { Detections, SettingOf } from './notice.ts'

/** How detections are set: as the rows say, and as they are built in where there is none. */
export function settingsFrom(detections: Detections, rows: readonly SettingRow[]): SettingOf {
  const changed = new Map(rows.map((row) => [`${row.tenant_id} ${row.detection}`, row]))
  return (tenantId, id) => {
    const detection = detections[id]
    const row = changed.get(`${tenantId} ${id}`)
    if (detection === undefined || row?.enabled === false) return null
    return {
      threshold: row?.threshold ?? detection.threshold?.standard ?? 1,
      windowMs: (row?.window_seconds ?? detection.window.standard) * 1000,
    }
  }
}
