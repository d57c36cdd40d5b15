import type { AlertState } from '@memoric/contracts/alert-contract.ts'
import type { DetectionId } from '@memoric/contracts/detections.ts'
import type { Severity } from '@memoric/contracts/severity.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { z } from 'zod'
import type { listAlertsQuery } from '@memoric/contracts/alert-contract.ts'

export interface AlertRow {
  readonly id: string
  readonly tenant_id: string
  readonly detection: DetectionId
  readonly severity: Severity
  readonly entity_type: string
  readonly entity_id: string | null
  readonly state: AlertState
  readonly count: number
  readonly observed: number
  readonly threshold: number | null
  readonly window_seconds: number
  readonly evidence: readonly string[]
  readonly first_at: Date
  readonly last_at: Date
  readonly raised_at: Date
  readonly acknowledged_by: string | null
  readonly acknowledged_at: Date | null
  readonly closed_by: string | null
  readonly closed_at: Date | null
  readonly note: string | null
}

/** An alert that is not closed, and that the same may still be added to. */
export interface GrowingAlert {
  readonly id: string
  readonly tenantId: string
  readonly detection: string
  readonly key: string
  readonly evidence: readonly string[]
  readonly lastAt: Date
}

export type NewAlert = Pick<
  AlertRow,
  | 'id'
  | 'tenant_id'
  | 'severity'
  | 'entity_type'
  | 'entity_id'
  | 'count'
  | 'observed'
  | 'threshold'
  | 'window_seconds'
  | 'evidence'
  | 'first_at'
  | 'last_at'
> & { readonly detection: string; readonly key: string }

const columns = (tx: Tx) => tx`
  id, tenant_id, detection, severity, entity_type, entity_id, state, count, observed, threshold, window_seconds, evidence,
  first_at, last_at, raised_at, acknowledged_by, acknowledged_at, closed_by, closed_at, note`

/** The newest alert of a detection about an entity that is not closed, locked. */
export function lockGrowing(
  tx: Tx,
  { tenantId, detection, key }: Pick<GrowingAlert, 'tenantId' | 'detection' | 'key'>,
) {
  return tx<GrowingAlert[]>`
    select id, tenant_id as "tenantId", detection, key, evidence, last_at as "lastAt" from alerts
    where tenant_id = ${tenantId} and detection = ${detection} and key = ${key} and state <> 'closed'
    order by last_at desc limit 1 for update`
}

export function growAlert(
  tx: Tx,
  { tenantId, id }: Pick<GrowingAlert, 'tenantId' | 'id'>,
  by: {
    readonly count: number
    readonly observed: number
    readonly evidence: readonly string[]
    readonly lastAt: Date
  },
) {
  return tx`
    update alerts set count = count + ${by.count}, observed = ${by.observed}, evidence = ${[...by.evidence]}::uuid[],
      last_at = greatest(last_at, ${by.lastAt})
    where tenant_id = ${tenantId} and id = ${id}`
}

export function insertAlert(tx: Tx, alert: NewAlert) {
  return tx`
    insert into alerts (
      tenant_id, id, detection, key, severity, entity_type, entity_id, count, observed, threshold, window_seconds, evidence,
      first_at, last_at)
    values (
      ${alert.tenant_id}, ${alert.id}, ${alert.detection}, ${alert.key}, ${alert.severity}, ${alert.entity_type},
      ${alert.entity_id}, ${alert.count}, ${alert.observed}, ${alert.threshold}, ${alert.window_seconds},
      ${[...alert.evidence]}::uuid[], ${alert.first_at}, ${alert.last_at})`
}

export function selectAlert(tx: Tx, tenantId: string, id: string) {
  return tx<AlertRow[]>`select ${columns(tx)} from alerts where tenant_id = ${tenantId} and id = ${id}`
}

export interface AlertPage {
  readonly tenantId: string
  /** Alerts with lesser ids, which are older. */
  readonly before: string | undefined
  readonly severities: readonly Severity[] | null
  readonly limit: number
}

export function findAlerts(tx: Tx, query: z.output<typeof listAlertsQuery>, page: AlertPage) {
  const { state, detection, from, to } = query
  return tx<AlertRow[]>`
    select ${columns(tx)} from alerts
    where tenant_id = ${page.tenantId}
      ${page.before === undefined ? tx`` : tx`and id < ${page.before}`}
      ${state === undefined ? tx`` : tx`and state = ${state}`}
      ${detection === undefined ? tx`` : tx`and detection = ${detection}`}
      ${page.severities === null ? tx`` : tx`and severity = any(${[...page.severities]}::text[])`}
      ${from === undefined ? tx`` : tx`and raised_at >= ${new Date(from)}`}
      ${to === undefined ? tx`` : tx`and raised_at < ${new Date(to)}`}
    order by id desc
    limit ${page.limit}`
}

/** Changes an alert that is in one of the states `from`; none when it is not. */
export function changeAlert(
  tx: Tx,
  { tenantId, id }: { readonly tenantId: string; readonly id: string },
  change: {
    readonly from: readonly AlertState[]
    readonly state: AlertState | undefined
    readonly note: string | null | undefined
    readonly by: string
  },
) {
  const { state, note, by } = change
  return tx<AlertRow[]>`
    update alerts set note = ${note === undefined ? tx`note` : tx`${note}`}
      ${state === undefined ? tx`` : tx`, state = ${state}`}
      ${state === 'acknowledged' ? tx`, acknowledged_by = ${by}, acknowledged_at = now()` : tx``}
      ${state === 'closed' ? tx`, closed_by = ${by}, closed_at = now()` : tx``}
    where tenant_id = ${tenantId} and id = ${id} and state = any(${[...change.from]}::text[])
    returning ${columns(tx)}`
}
