import type { CreateHandoff, Handoff } from '@memoric/contracts/handoff-contract.ts'
import { DEFAULT_NAMESPACE, DEFAULT_SUBJECT, type Tier } from '@memoric/contracts/memory-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { isUniqueViolation } from '@memoric/postgres/database-error.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { namespaceFor, subjectFor } from '@memoric/service/caller-limits.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { withFreshKeys } from '../memories/stale-keys.ts'
import { lastingTier } from '../policies/lasting-tier.ts'
import { requireConsent } from '../privacy/require-consent.ts'
import { provenanceOf } from '../provenance/provenance.ts'
import type { Amount } from '../quotas/quota-rules.ts'
import { withQuotas } from '../quotas/single-write-quotas.ts'
import { requireIdentityWrite } from './identity-permission.ts'
import { writeHandoff } from './write-handoff.ts'

type Create = RouteTable['createHandoff']

/** A handoff to write, and where to. */
export interface HandoffOrder {
  readonly subjectId: string
  readonly namespace: string
  readonly body: CreateHandoff
  /** Of its memory. */
  readonly tier: Tier
}

/** What became of it. */
export interface WrittenHandoff {
  readonly handoff: Handoff
  readonly fate: 'made' | 'corrected' | 'known'
  /** What it added to what is stored as memories, and as which change of its subject. */
  readonly added: Amount
  readonly change: number | null
}

/**
 * Hands a session over, or corrects what was handed over. Throws AppError `identity_protected`, `trust_not_allowed`, `subject_not_allowed`,
 * `namespace_not_allowed`, `quota_exceeded`, and as requireConsent.
 */
export async function createHandoff(deps: MemoryDeps, { body, context }: Call<Create>): Promise<RouteOutput<Create>> {
  const { caller } = context
  const order: HandoffOrder = {
    subjectId: subjectFor(caller, body.subject_id, DEFAULT_SUBJECT),
    namespace: namespaceFor(caller, body.namespace, DEFAULT_NAMESPACE),
    body,
    tier: lastingTier((await deps.policies.of(caller.tenantId)).document),
  }
  if (body.becoming !== undefined) requireIdentityWrite(caller)
  provenanceOf(caller, body)
  await requireConsent(deps, caller, order.subjectId)
  const subject = { tenant_id: caller.tenantId, subject_id: order.subjectId }
  const { handoff, fate, added, change } = await withQuotas(deps, caller.tenantId, (usage) =>
    withFreshKeys(deps, subject, () =>
      deps.keys.forWriting(caller.tenantId, order.subjectId, (keys) =>
        tenantTransaction(deps.sql, scopeOf(caller), (tx) => writeHandoff(tx, deps, context, keys, order, usage)),
      ),
    ),
  ).catch((cause: unknown) => {
    // Its memory has expired and is being removed.
    throw isUniqueViolation(cause) ? new AppError('write_conflict', { cause }) : cause
  })
  if (fate !== 'known') deps.relay.wake()
  deps.quotas.add(caller.tenantId, added)
  if (change !== null) deps.indexes.changed({ tenantId: caller.tenantId, subjectId: order.subjectId }, [change])
  const headers = { location: `/v1/handoffs/${handoff.id}` }
  return { status: fate === 'made' ? 201 : 200, body: handoff, headers }
}
