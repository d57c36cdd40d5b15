import { DEFAULT_SUBJECT } from '@memoric/contracts/memory-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { subjectFor } from '@memoric/service/caller-limits.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { buildClusters } from './build-clusters.ts'

type Rebuild = RouteTable['rebuildClusters']

/**
 * Builds all clusters of a subject anew. Throws AppError `subject_not_allowed`, `namespace_not_allowed` for who may see a part of the
 * subject only, `consent_withdrawn`, `write_conflict`.
 */
export async function rebuildClusters(
  deps: MemoryDeps,
  { body, context }: Call<Rebuild>,
): Promise<RouteOutput<Rebuild>> {
  const { caller } = context
  const subjectId = subjectFor(caller, body.subject_id, DEFAULT_SUBJECT)
  if (caller.namespaces !== '*') {
    throw new AppError('namespace_not_allowed', { detail: 'a credential that is not limited to namespaces is needed' })
  }
  const place = { tenantId: caller.tenantId, subjectId }
  const { clusters, memories, builtAt } = await buildClusters(deps, { place, context, all: true })
  return { status: 200, body: { subject_id: subjectId, clusters, memories, built_at: builtAt.toISOString() } }
}
