import type { Caller } from '@memoric/contracts/caller.ts'
import type { Consolidation, ConsolidationReport } from '@memoric/contracts/consolidation-contract.ts'
import { policyRunId } from '@memoric/contracts/ids.ts'
import type { ConsolidationPeriod, PolicyReport } from '@memoric/contracts/policy-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { requireSubject } from '@memoric/service/caller-limits.ts'
import { decodeCursor, encodeCursor } from '@memoric/service/cursor.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { EMPTY_REPORT } from '../policies/report.ts'
import { waitForEnd } from '../policies/run-policies.ts'
import { type PolicyRunRow, selectRun, selectRuns } from '../policies/run-repository.ts'
import { startRun } from '../policies/start-run.ts'
import { previewConsolidation } from './preview-consolidation.ts'

type Consolidate = RouteTable['consolidate']
type List = RouteTable['listConsolidations']
type Get = RouteTable['getConsolidation']

/** Throws AppError `permission_denied`, `subject_not_allowed`, `namespace_not_allowed`, `consolidation_running`. */
export async function consolidate(deps: MemoryDeps, call: Call<Consolidate>): Promise<RouteOutput<Consolidate>> {
  const { body, context } = call
  const subjectId = subjectOf(context.caller, body.subject_id)
  if (body.dry_run) return { status: 200, body: await dryRun(deps, context, body.period, subjectId) }
  const row = await startRun(deps, context, subjectId, body.period)
  deps.relay.wake()
  deps.policyRuns.wake()
  const ended = await waitForEnd(deps, context, row)
  return { status: ended.finished_at === null ? 202 : 200, body: view(ended, body.period) }
}

/** It looks at every namespace of a subject; a credential of one subject means that one, every other limited one has to name it. */
function subjectOf(caller: Caller, asked: string | undefined): string | undefined {
  if (asked !== undefined) requireSubject(caller, asked)
  if (caller.namespaces !== '*') throw new AppError('namespace_not_allowed')
  if (asked !== undefined) return asked
  if (caller.subjects === '*') return undefined
  if (caller.subjects.length === 1) return caller.subjects[0]
  throw new AppError('permission_denied', { detail: 'a credential of several subjects has to name one' })
}

async function dryRun(
  deps: MemoryDeps,
  context: RequestContext,
  period: ConsolidationPeriod,
  subjectId: string | undefined,
): Promise<Consolidation> {
  const { principal } = context.caller
  const report = await previewConsolidation(deps, context, period, subjectId)
  const now = deps.now().toISOString()
  return {
    id: policyRunId.parse(uuidV7()),
    period,
    subject_id: subjectId ?? null,
    state: 'done',
    dry_run: true,
    requested_by: `${principal.type}:${principal.id}`,
    report: reportOf(report),
    created_at: now,
    finished_at: now,
  }
}

/** Throws AppError `invalid_cursor`. */
export async function listConsolidations(deps: MemoryDeps, { query, context }: Call<List>): Promise<RouteOutput<List>> {
  const { caller } = context
  const { cursor, limit } = query
  const before = cursor === undefined ? null : decodeCursor(cursor, policyRunId)
  const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [
    selectRuns(tx, caller.tenantId, 'consolidation', before, limit + 1),
  ])
  const items = rows.slice(0, limit).flatMap((row) => (row.period === null ? [] : view(row, row.period)))
  const last = rows.length > limit ? items.at(-1) : undefined
  return { status: 200, body: { items, next_cursor: last === undefined ? null : encodeCursor(last.id) } }
}

/** Throws AppError `consolidation_not_found`. */
export async function getConsolidation(deps: MemoryDeps, { params, context }: Call<Get>): Promise<RouteOutput<Get>> {
  const { caller } = context
  const [[row]] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [selectRun(tx, caller.tenantId, params.id)])
  if (row?.period == null) throw new AppError('consolidation_not_found')
  return { status: 200, body: view(row, row.period) }
}

function view(row: PolicyRunRow, period: ConsolidationPeriod): Consolidation {
  return {
    id: row.id,
    period,
    subject_id: row.subject_id,
    state: row.state,
    dry_run: false,
    requested_by: row.requested_by,
    report: reportOf({ ...EMPTY_REPORT, ...row.report }),
    created_at: row.created_at.toISOString(),
    finished_at: row.finished_at?.toISOString() ?? null,
  }
}

function reportOf(report: PolicyReport): ConsolidationReport {
  const { subjects, memories, reflections, principles, withdrawn, fallbacks, spared, failed, complete } = report
  return { subjects, memories, reflections, principles, withdrawn, fallbacks, spared, failed, complete }
}
