import type { Cluster, ListClustersQuery } from '@memoric/contracts/cluster-contract.ts'
import { CLUSTER_LIMITS } from '@memoric/contracts/cluster-contract.ts'
import type { Caller } from '@memoric/contracts/caller.ts'
import { memoryId, uuid } from '@memoric/contracts/ids.ts'
import { DEFAULT_SUBJECT } from '@memoric/contracts/memory-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { requireNamespace, subjectFor } from '@memoric/service/caller-limits.ts'
import { decodeCursor, encodeCursor } from '@memoric/service/cursor.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import { z } from 'zod'
import { scopeOf } from '../caller-scope.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { requireProcessing } from '../privacy/consent-rules.ts'
import { foldLabel } from '../search/index-document.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { standingOf } from '../standing/standings.ts'
import { catchUpClusters } from './build-clusters.ts'
import { type ClusterParts, openCluster } from './cluster-box.ts'
import { type ClusterRow, selectClusters } from './cluster-repository.ts'

type List = RouteTable['listClusters']

const cursorSchema = z.tuple([z.int(), uuid])

/** A row with what was sealed of it. */
interface OpenedCluster {
  readonly row: ClusterRow
  readonly parts: ClusterParts
}

/**
 * Clusters of a subject, the largest first, with everything that was committed before the call. Throws AppError `subject_not_allowed`,
 * `namespace_not_allowed`, `consent_withdrawn`, `invalid_cursor`.
 */
export async function listClusters(deps: MemoryDeps, { query, context }: Call<List>): Promise<RouteOutput<List>> {
  const { caller } = context
  const after = query.cursor === undefined ? null : decodeCursor(query.cursor, cursorSchema)
  if (query.namespace !== undefined) requireNamespace(caller, query.namespace)
  const place = { tenantId: caller.tenantId, subjectId: subjectFor(caller, query.subject_id, DEFAULT_SUBJECT) }
  await deps.keys.forReading(place.tenantId, place.subjectId, requireProcessing)
  await catchUpClusters(deps, { place, context, all: false })
  const isFiltered = query.topic !== undefined || query.category !== undefined
  const limit = isFiltered ? CLUSTER_LIMITS.mostClusters : query.limit + 1
  const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [selectClusters(tx, place, query, after, limit)])
  const found = await deps.keys.forReading(place.tenantId, place.subjectId, (keys) => {
    return keys === null ? [] : rows.map((row) => opened(keys, place, row)).filter(({ parts }) => isAsked(parts, query))
  })
  const shown = found.slice(0, query.limit)
  const last = found.length > query.limit ? shown.at(-1)?.row : undefined
  const items = await viewsOf(deps, caller, place, shown)
  const details = { subject_id: place.subjectId, count: items.length }
  deps.reads.record({ type: 'cluster.listed', context, resourceId: place.subjectId, details })
  return {
    status: 200,
    body: { items, next_cursor: last === undefined ? null : encodeCursor([last.memories, last.id]) },
  }
}

function opened(keys: SubjectKeys, place: SubjectPlace, row: ClusterRow): OpenedCluster {
  return { row, parts: openCluster(keys, { ...place, ...row }, row.sealed) }
}

function isAsked({ topic, category }: ClusterParts, query: ListClustersQuery): boolean {
  const isTopic = query.topic === undefined || topic === foldLabel(query.topic)
  return isTopic && (query.category === undefined || category === foldLabel(query.category))
}

/** Without the summaries that quote what is not to be told any more. */
async function viewsOf(
  deps: MemoryDeps,
  caller: Caller,
  place: SubjectPlace,
  clusters: readonly OpenedCluster[],
): Promise<Cluster[]> {
  const ids = clusters.flatMap(({ parts }) => [...parts.quoted, ...parts.memoryIds])
  const standing = await standingOf(deps, caller, place, [...new Set(ids)])
  return clusters.map(({ row, parts }) => {
    const mayQuote = parts.quoted.every((id) => standing(id) > 0)
    return {
      id: row.id,
      subject_id: place.subjectId,
      namespace: row.namespace,
      topic: parts.topic,
      category: parts.category,
      terms: mayQuote ? [...parts.terms] : [],
      memories: row.memories,
      memory_ids: parts.memoryIds.filter((id) => standing(id) > 0).map((id) => memoryId.parse(id)),
      summary: mayQuote ? parts.summary : null,
      latest_at: row.latest_at.toISOString(),
      built_at: row.built_at.toISOString(),
    }
  })
}
