import { DEFAULT_SUBJECT } from '@memoric/contracts/memory-contract.ts'
import type { Quotas } from '@memoric/contracts/quota-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { subjectFor } from '@memoric/service/caller-limits.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { selectSubjectAmounts } from './quota-repository.ts'
import { type Amount, NOTHING } from './quota-rules.ts'

type Get = RouteTable['getQuotas']

/** What a subject and, for a caller who sees all of it, the tenant store and may store. Throws AppError `subject_not_allowed`. */
export async function getQuotas(deps: MemoryDeps, { query, context }: Call<Get>): Promise<RouteOutput<Get>> {
  const { caller } = context
  const subjectId = subjectFor(caller, query.subject_id, DEFAULT_SUBJECT)
  const [{ used, limits }, [[subject]]] = await Promise.all([
    deps.quotas.fresh(caller.tenantId),
    tenantFlight(deps.sql, scopeOf(caller), (tx) => [selectSubjectAmounts(tx, caller.tenantId, [subjectId])]),
  ])
  const body: Quotas = {
    subject: { subject_id: subjectId, ...shares(subject ?? NOTHING, limits.subject) },
    tenant: caller.subjects === '*' && caller.namespaces === '*' ? shares(used, limits.tenant) : null,
  }
  return { status: 200, body }
}

function shares(used: Amount, limit: Amount) {
  return {
    memories: { used: used.memories, limit: limit.memories },
    bytes: { used: used.bytes, limit: limit.bytes },
  }
}
