import type { TenantId } from '@memoric/contracts/ids.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import type { EventContext, EventFactory, OutboxEvent } from '@memoric/service/event-factory.ts'
import type { Logger } from '@memoric/service/logger.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import { queueDeliveries } from '../deliveries/delivery-repository.ts'
import { type Detections, type Finding, placeOf, type SettingOf } from '../detections/notice.ts'
import { growAlert, type GrowingAlert, insertAlert, lockGrowing, type NewAlert } from './alert-repository.ts'

export interface RaisingDeps {
  readonly detections: Detections
  readonly events: EventFactory
  readonly log: Logger
  readonly now: () => number
}

/** Events that an alert names at most, and how many of the first of them it keeps. */
const EVIDENCE = 100
const FIRST_EVIDENCE = 25

/** Nobody is woken for what happened longer ago, ms: the log was followed late. */
const STALE_MS = 86_400_000

/** Makes alerts of findings, or lets those grow that tell of the same; gives how many are new. */
export async function raiseAlerts(
  tx: Tx,
  deps: RaisingDeps,
  findings: readonly Finding[],
  settingOf: SettingOf,
): Promise<number> {
  let raised = 0
  for (const group of Map.groupBy(findings, placeOf).values()) {
    const [first] = group
    if (first === undefined) continue
    const windowMs = settingOf(first.tenantId, first.detection)?.windowMs ?? 0
    const [growing] = await lockGrowing(tx, first)
    const isSame = growing !== undefined && first.event.at - growing.lastAt.getTime() < windowMs
    if (isSame) await grow(tx, growing, group)
    else await raise(tx, deps, newAlert(deps, group, settingOf))
    raised += isSame ? 0 : 1
  }
  return raised
}

async function grow(tx: Tx, growing: GrowingAlert, group: readonly Finding[]): Promise<void> {
  const evidence = newest([...growing.evidence, ...group.map(({ event }) => event.id)])
  const lastAt = new Date(Math.max(...group.map(({ event }) => event.at)))
  await growAlert(tx, growing, { count: group.length, observed: group.at(-1)?.observed ?? 0, evidence, lastAt })
}

function newAlert({ detections }: RaisingDeps, group: readonly Finding[], settingOf: SettingOf): NewAlert {
  // A group has one finding at least.
  const [first, last] = [group[0] as Finding, group.at(-1) as Finding]
  const detection = detections[first.detection]
  const setting = settingOf(first.tenantId, first.detection)
  const times = group.map(({ event }) => event.at)
  return {
    id: uuidV7(),
    tenant_id: first.tenantId,
    detection: first.detection,
    key: first.key,
    severity: detection?.severity ?? 'warning',
    entity_type: first.entity.type,
    entity_id: first.entity.id,
    count: group.length,
    observed: last.observed,
    threshold: detection?.threshold == null ? null : (setting?.threshold ?? null),
    window_seconds: (setting?.windowMs ?? 0) / 1000,
    evidence: newest([...first.evidence, ...group.map(({ event }) => event.id)]),
    first_at: new Date(Math.min(...times)),
    last_at: new Date(Math.max(...times)),
  }
}

/** Each once; of too many the first and the newest. */
function newest(ids: readonly string[]): string[] {
  const distinct = [...new Set(ids)]
  if (distinct.length <= EVIDENCE) return distinct
  return [...distinct.slice(0, FIRST_EVIDENCE), ...distinct.slice(FIRST_EVIDENCE - EVIDENCE)]
}

async function raise(tx: Tx, deps: RaisingDeps, alert: NewAlert): Promise<void> {
  await insertAlert(tx, alert)
  await outboxInsert(tx, [raisedEvent(deps.events, alert)])
  if (deps.now() - alert.last_at.getTime() < STALE_MS) await queueDeliveries(tx, alert)
  const { id, tenant_id, detection, severity } = alert
  deps.log.warn({ alert: id, tenant: tenant_id, detection, severity }, 'an alert was raised')
}

function raisedEvent(events: EventFactory, alert: NewAlert): OutboxEvent {
  return events({
    type: 'alert.raised',
    context: ownContext(alert.tenant_id),
    resourceId: alert.id,
    statusCode: null,
    reason: alert.detection,
    details: {
      detection: alert.detection,
      severity: alert.severity,
      entity_type: alert.entity_type,
      entity_id: alert.entity_id,
      observed: alert.observed,
      evidence: alert.evidence.slice(-10),
    },
  })
}

/** What audit does by itself. */
export function ownContext(tenantId: string): EventContext {
  return {
    caller: {
      // From a row of that tenant.
      tenantId: tenantId as TenantId,
      principal: { type: 'service', id: 'audit' },
      sessionId: null,
      permissions: [],
      subjects: [],
      namespaces: [],
      requestId: uuidV7(),
      clientAddress: '',
      userAgent: null,
    },
    endpoint: null,
    method: null,
    startedAt: performance.now(),
  }
}
