import type { PolicyDocument } from '@memoric/contracts/policy-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { writeEnrichment } from '../enrichment/enrichment-repository.ts'
import { wholeTenant } from '../keys/subject-keys.ts'
import { TENANT_ITSELF } from '../keys/tenant-itself.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { NO_POLICY } from './policy.ts'
import { openPolicy, sealPolicy } from './policy-box.ts'
import { insertPolicy, lockPolicy, type PolicyRow, selectPolicy, writeSchedule } from './policy-repository.ts'
import { policyView } from './policy-view.ts'
import { previewPolicy } from './preview-policy.ts'
import { requireDistinctTiers, requireNoStranded } from './require-no-stranded.ts'
import { requireModel } from './require-model.ts'
import { requireWholeTenant } from './require-whole-tenant.ts'

type Put = RouteTable['putPolicy']

/** Stores the next version of the policy, or says what it would do. Throws AppError `permission_denied`, `policy_changed`, `rule_violated`. */
export async function putPolicy(deps: MemoryDeps, { body, headers, context }: Call<Put>): Promise<RouteOutput<Put>> {
  const { policy: document, dry_run: isDryRun } = body
  requireWholeTenant(context.caller)
  requireModel(deps, document)
  requireDistinctTiers(document)
  const expected = headers['if-match']
  if (isDryRun) return preview(deps, context, document, expected)
  const row = await store(deps, context, document, expected)
  deps.policies.changed(row.tenant_id)
  deps.relay.wake()
  const answer = policyView({ version: row.version, document }, row)
  return { status: 200, body: answer, headers: { etag: `"${row.version}"` } }
}

async function preview(
  deps: MemoryDeps,
  context: RequestContext,
  document: PolicyDocument,
  expected: number | undefined,
): Promise<RouteOutput<Put>> {
  const { tenantId } = context.caller
  const { version, document: before } = await deps.policies.of(tenantId)
  requireVersion(version, expected)
  await tenantTransaction(deps.sql, wholeTenant(tenantId), (tx) => requireNoStranded(tx, tenantId, before, document))
  const report = await previewPolicy(deps, context, document, undefined)
  return { status: 200, body: { ...policyView({ version, document }), dry_run: report } }
}

async function store(
  deps: MemoryDeps,
  context: RequestContext,
  document: PolicyDocument,
  expected: number | undefined,
): Promise<PolicyRow> {
  const { tenantId, principal, settings } = context.caller
  return deps.keys.forWriting(tenantId, TENANT_ITSELF, (keys) =>
    tenantTransaction(deps.sql, wholeTenant(tenantId), async (tx) => {
      await lockPolicy(tx, tenantId)
      const [current] = await selectPolicy(tx, tenantId)
      requireVersion(current?.version ?? 0, expected)
      const before = current === undefined ? NO_POLICY.document : openPolicy(keys, current)
      await requireNoStranded(tx, tenantId, before, document)
      const version = (current?.version ?? 0) + 1
      const sealed = sealPolicy(keys, tenantId, version, document)
      const written_by = `${principal.type}:${principal.id}`
      const [[row]] = await Promise.all([
        insertPolicy(tx, { tenant_id: tenantId, version, written_by, sealed }),
        writeSchedule(tx, tenantId, document.schedule.every_hours),
        writeEnrichment(tx, tenantId, document.enrichment.mode !== 'off', settings?.consent_required === true),
        outboxInsert(tx, [
          deps.events({ type: 'policy.changed', context, resourceId: tenantId, statusCode: 200, details: { version } }),
        ]),
      ])
      if (row === undefined) throw new Error('an inserted row was not returned')
      return row
    }),
  )
}

function requireVersion(version: number, expected: number | undefined): void {
  if (expected === undefined || expected === version) return
  throw new AppError('policy_changed', { detail: `the current version is ${version}` })
}
