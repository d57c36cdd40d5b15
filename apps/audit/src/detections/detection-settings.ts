import type { DetectionSettings, DetectionView } from '@memoric/contracts/alert-contract.ts'
import { DETECTION_IDS, type DetectionId, detectionOf } from '@memoric/contracts/detections.ts'
import type { ProblemError } from '@memoric/contracts/error-codes.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { ListDeps } from '../log/list-audit-logs.ts'
import { requireWholeTenant, wholeTenant } from '../log/log-readers.ts'
import { saveSetting, selectSettings, type SettingRow } from './detection-setting-repository.ts'

type ListRoute = RouteTable['listDetections']
type UpdateRoute = RouteTable['updateDetection']

/** Every detection as it is set for the tenant. */
export async function listDetections(
  { sql }: Pick<ListDeps, 'sql'>,
  { context }: Call<ListRoute>,
): Promise<RouteOutput<ListRoute>> {
  requireWholeTenant(context.caller)
  const { tenantId } = context.caller
  const [rows] = await tenantFlight(sql, wholeTenant(tenantId), (tx) => [selectSettings(tx, [tenantId])])
  const changed = new Map(rows.map((row) => [row.detection, row]))
  return { status: 200, body: { items: DETECTION_IDS.map((id) => detectionView(id, changed.get(id))) } }
}

/** Throws AppError `permission_denied`, `rule_violated` for a threshold or a window that the detection cannot have. */
export async function updateDetection(
  { sql, events, wakeRelay }: Pick<ListDeps, 'sql' | 'events' | 'wakeRelay'>,
  { params, body, context }: Call<UpdateRoute>,
): Promise<RouteOutput<UpdateRoute>> {
  requireWholeTenant(context.caller)
  requireBounds(params.id, body)
  const { tenantId, principal } = context.caller
  const setting = {
    ...body,
    tenant_id: tenantId,
    detection: params.id,
    updated_by: `${principal.type}:${principal.id}`,
  }
  const event = events({
    type: 'detection.changed',
    context,
    resourceId: params.id,
    statusCode: 200,
    details: { ...body },
  })
  const [[row]] = await tenantFlight(sql, wholeTenant(tenantId), (tx) => [
    saveSetting(tx, setting),
    outboxInsert(tx, [event]),
  ])
  wakeRelay()
  return { status: 200, body: detectionView(params.id, row) }
}

function requireBounds(id: DetectionId, { threshold, window_seconds: seconds }: DetectionSettings): void {
  const { threshold: ofThreshold, window } = detectionOf(id)
  const errors: ProblemError[] = []
  if (threshold !== null && ofThreshold === null) {
    errors.push({ pointer: '/threshold', message: 'this detection has none' })
  } else if (threshold !== null && ofThreshold !== null && !isWithin(threshold, ofThreshold)) {
    errors.push({ pointer: '/threshold', message: `must be ${ofThreshold.min} to ${ofThreshold.max}` })
  }
  if (seconds !== null && !isWithin(seconds, window)) {
    errors.push({ pointer: '/window_seconds', message: `must be ${window.min} to ${window.max}` })
  }
  if (errors.length > 0) throw new AppError('rule_violated', { errors })
}

function isWithin(value: number, { min, max }: { readonly min: number; readonly max: number }): boolean {
  return value >= min && value <= max
}

function detectionView(id: DetectionId, row: SettingRow | undefined): DetectionView {
  const { name, meaning, severity, sources, threshold, window } = detectionOf(id)
  return {
    id,
    name,
    meaning,
    severity,
    sources: [...sources],
    enabled: row?.enabled ?? true,
    threshold: row?.threshold ?? threshold?.standard ?? null,
    unit: threshold?.unit ?? null,
    window_seconds: row?.window_seconds ?? window.standard,
    standard: { threshold: threshold?.standard ?? null, window_seconds: window.standard },
    updated_by: row?.updated_by ?? null,
    updated_at: row?.updated_at.toISOString() ?? null,
  }
}
