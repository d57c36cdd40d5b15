import { setTimeout as sleep } from 'node:timers/promises'
import { policyRunId } from '@memoric/contracts/ids.ts'
import type { PolicyRunView } from '@memoric/contracts/policy-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { requireSubject } from '@memoric/service/caller-limits.ts'
import { decodeCursor, encodeCursor } from '@memoric/service/cursor.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import { z } from 'zod'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { previewPolicy } from './preview-policy.ts'
import { EMPTY_REPORT } from './report.ts'
import { requireWholeTenant } from './require-whole-tenant.ts'
import { type PolicyRunRow, selectRun, selectRuns } from './run-repository.ts'
import { startRun } from './start-run.ts'

type Run = RouteTable['runPolicies']
type List = RouteTable['listPolicyRuns']
type Get = RouteTable['getPolicyRun']

/** How long an answer waits for the end of a run, and looks for it, ms. */
const PATIENCE_MS = 5000
const POLL_MS = 50

const cursorSchema = z.strictObject({ before: policyRunId })

/** Throws AppError `permission_denied`, `subject_not_allowed`, `policy_run_running`. */
export async function runPolicies(deps: MemoryDeps, { body, context }: Call<Run>): Promise<RouteOutput<Run>> {
  const { dry_run: isDryRun, subject_id: subjectId } = body
  requireRange(context, subjectId)
  if (isDryRun) return { status: 200, body: await dryRun(deps, context, subjectId) }
  const row = await startRun(deps, context, subjectId)
  deps.relay.wake()
  deps.policyRuns.wake()
  const ended = await waitForEnd(deps, context, row)
  return { status: ended.finished_at === null ? 202 : 200, body: runView(ended) }
}

/** A run looks at every namespace of its subjects. */
function requireRange({ caller }: RequestContext, subjectId: string | undefined): void {
  if (subjectId === undefined) {
    requireWholeTenant(caller)
    return
  }
  requireSubject(caller, subjectId)
  if (caller.namespaces !== '*') throw new AppError('namespace_not_allowed')
}

async function dryRun(
  deps: MemoryDeps,
  context: RequestContext,
  subjectId: string | undefined,
): Promise<PolicyRunView> {
  const { tenantId, principal } = context.caller
  const { version, document } = await deps.policies.of(tenantId)
  const report = await previewPolicy(deps, context, document, subjectId)
  const now = deps.now().toISOString()
  return {
    id: policyRunId.parse(uuidV7()),
    policy_version: version,
    subject_id: subjectId ?? null,
    state: 'done',
    dry_run: true,
    requested_by: `${principal.type}:${principal.id}`,
    total: report.memories,
    report,
    created_at: now,
    finished_at: now,
  }
}

/** The run as it is when it ends, or after some seconds. */
export async function waitForEnd(
  deps: MemoryDeps,
  { caller }: RequestContext,
  begun: PolicyRunRow,
): Promise<PolicyRunRow> {
  const until = performance.now() + PATIENCE_MS
  let row = begun
  while (row.finished_at === null && performance.now() < until) {
    await sleep(POLL_MS)
    const [[current]] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [
      selectRun(tx, caller.tenantId, begun.id),
    ])
    // Its subject was erased meanwhile.
    if (current === undefined) return row
    row = current
  }
  return row
}

export async function listPolicyRuns(
  deps: MemoryDeps,
  { query: { cursor, limit }, context: { caller } }: Call<List>,
): Promise<RouteOutput<List>> {
  const before = cursor === undefined ? null : decodeCursor(cursor, cursorSchema).before
  const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [
    selectRuns(tx, caller.tenantId, 'policy', before, limit + 1),
  ])
  const items = rows.slice(0, limit).map(runView)
  const last = items.at(-1)
  const next = rows.length > limit && last !== undefined ? encodeCursor({ before: last.id }) : null
  return { status: 200, body: { items, next_cursor: next } }
}

/** Throws AppError `policy_run_not_found`. */
export async function getPolicyRun(
  deps: MemoryDeps,
  { params: { id }, context: { caller } }: Call<Get>,
): Promise<RouteOutput<Get>> {
  const [[row]] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [selectRun(tx, caller.tenantId, id)])
  if (row?.period !== null) throw new AppError('policy_run_not_found')
  return { status: 200, body: runView(row) }
}

function runView(row: PolicyRunRow): PolicyRunView {
  return {
    id: row.id,
    policy_version: row.policy_version,
    subject_id: row.subject_id,
    state: row.state,
    dry_run: false,
    requested_by: row.requested_by,
    total: row.total,
    report: { ...EMPTY_REPORT, ...row.report },
    created_at: row.created_at.toISOString(),
    finished_at: row.finished_at?.toISOString() ?? null,
  }
}
