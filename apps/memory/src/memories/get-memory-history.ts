import type { MemoryVersion } from '@memoric/contracts/memory-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import { scopeOf } from '../caller-scope.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { withKeysOf } from './find-memory.ts'
import { provenanceView } from '../provenance/provenance-view.ts'
import { selectMemories, selectVersions, type VersionRow } from './memory-read-repository.ts'
import { openRow, tidyImportance } from './memory-row.ts'

type History = RouteTable['getMemoryHistory']

/** All versions of a memory, newest first. Throws AppError `memory_not_found`. */
export async function getMemoryHistory(deps: MemoryDeps, call: Call<History>): Promise<RouteOutput<History>> {
  const { caller } = call.context
  const { id } = call.params
  const [[row], replaced] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [
    selectMemories(tx, caller.tenantId, [id]),
    selectVersions(tx, caller.tenantId, id),
  ])
  if (row === undefined) throw new AppError('memory_not_found')
  const items = await withKeysOf(deps, row, (keys) => [
    versionView(keys, { ...row, written_at: replaced[0]?.replaced_at ?? row.created_at, replaced_at: null }),
    ...replaced.map((version) => versionView(keys, version)),
  ])
  const details = { subject_id: row.subject_id, count: items.length }
  deps.reads.record({ type: 'memory.history_read', context: call.context, resourceId: id, details })
  return { status: 200, body: { items } }
}

type AnyVersion = Omit<VersionRow, 'replaced_at'> & { readonly replaced_at: Date | null }

function versionView(keys: SubjectKeys, row: AnyVersion): MemoryVersion {
  const { content, role, speaker, topic, category, entities, tags, metadata, sentiment, enrichment } = openRow(
    keys,
    row,
  )
  return {
    version: row.version,
    content,
    role,
    speaker,
    topic,
    category,
    entities: [...entities],
    tags: [...tags],
    metadata,
    tier: row.tier,
    importance: tidyImportance(row.importance),
    sentiment: sentiment ?? null,
    enriched: [...(enrichment?.derived ?? [])],
    occurred_at: row.occurred_at.toISOString(),
    expires_at: row.expires_at?.toISOString() ?? null,
    ...provenanceView(row),
    written_at: row.written_at.toISOString(),
    replaced_at: row.replaced_at?.toISOString() ?? null,
  }
}
