import type { Alert } from '@memoric/contracts/alert-contract.ts'
import { detectionOf } from '@memoric/contracts/detections.ts'
import type { AlertRow } from './alert-repository.ts'

/** An alert as readers see it. */
export function alertView(row: AlertRow): Alert {
  const { tenant_id: _tenant, entity_type: type, entity_id: id, ...alert } = row
  return {
    ...alert,
    evidence: [...row.evidence],
    name: detectionOf(row.detection).name,
    entity: { type, id },
    first_at: row.first_at.toISOString(),
    last_at: row.last_at.toISOString(),
    raised_at: row.raised_at.toISOString(),
    acknowledged_at: row.acknowledged_at?.toISOString() ?? null,
    closed_at: row.closed_at?.toISOString() ?? null,
  }
}
