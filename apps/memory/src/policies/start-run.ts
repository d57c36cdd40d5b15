import type { PolicyRunId, TenantId } from '@memoric/contracts/ids.ts'
import type { ConsolidationPeriod } from '@memoric/contracts/policy-contract.ts'
import { isUniqueViolation } from '@memoric/postgres/database-error.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { systemFlight, tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { EventContext } from '@memoric/service/event-factory.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import { wholeTenant } from '../keys/subject-keys.ts'
import { serviceContext } from '../service-context.ts'
import type { PolicyDeps } from './policy-deps.ts'
import {
  advanceSchedule,
  insertRun,
  type PolicyRunRow,
  selectDueTenants,
  selectUnfinishedRun,
} from './run-repository.ts'

type StartDeps = Pick<PolicyDeps, 'sql' | 'events' | 'policies' | 'log'>

/** Who asks; an operator is named by `actor`. */
type StartContext = RequestContext & Pick<EventContext, 'actor'>

const TENANTS = 100

/**
 * Begins a run of the policy of the caller's tenant, or a consolidation; the worker does the rest. Throws AppError
 * `policy_run_running`, `consolidation_running`.
 */
export async function startRun(
  deps: StartDeps,
  context: StartContext,
  subjectId: string | undefined,
  period: ConsolidationPeriod | null = null,
): Promise<PolicyRunRow> {
  const { tenantId, principal, settings } = context.caller
  const { version } = await deps.policies.of(tenantId)
  const run = {
    tenant_id: tenantId,
    id: uuidV7() as PolicyRunId,
    subject_id: subjectId ?? null,
    policy_version: version,
    period,
    consent_required: settings?.consent_required === true,
    requested_by: context.actor ?? `${principal.type}:${principal.id}`,
  }
  try {
    return await tenantTransaction(deps.sql, wholeTenant(tenantId), async (tx) => {
      const [row] = await insertRun(tx, run)
      if (row === undefined) throw new Error('an inserted row was not returned')
      const details = { policy_version: version, subject_id: run.subject_id, ...(period !== null && { period }) }
      const type = period === null ? ('policy.run_started' as const) : ('consolidation.started' as const)
      const told = { type, context, resourceId: run.id, statusCode: 202, details }
      await outboxInsert(tx, [deps.events(told)])
      return row
    })
  } catch (cause) {
    if (!isUniqueViolation(cause)) throw cause
    throw new AppError(period === null ? 'policy_run_running' : 'consolidation_running', { cause })
  }
}

/** Begins the runs that are due. A tenant whose run before still goes on is left out until the next time. */
export async function startDueRuns(deps: StartDeps): Promise<void> {
  const [due] = await systemFlight(deps.sql, (tx) => [selectDueTenants(tx, TENANTS)])
  for (const { tenant_id: tenantId } of due) {
    const isOurs = await tenantTransaction(deps.sql, wholeTenant(tenantId), async (tx) => {
      const [[unfinished], [mine]] = await Promise.all([
        selectUnfinishedRun(tx, tenantId),
        advanceSchedule(tx, tenantId),
      ])
      return mine !== undefined && unfinished === undefined
    })
    if (isOurs) await startScheduled(deps, tenantId)
  }
}

async function startScheduled(deps: StartDeps, tenantId: TenantId): Promise<void> {
  try {
    await startRun(deps, serviceContext(tenantId, 'policies'), undefined)
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'policy_run_running') throw error
    deps.log.info({ tenant_id: tenantId }, 'a run of the policy goes on already')
  }
}
