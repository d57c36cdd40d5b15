import type { MemoryVersion } from '@memoric/contracts/memory-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { decodeCursor, encodeCursor } from '@memoric/service/cursor.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import { z } from 'zod'
import { scopeOf } from '../caller-scope.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { withKeysOf } from './find-memory.ts'
import { provenanceView } from '../provenance/provenance-view.ts'
import { selectMemories, selectVersions, type VersionRow } from './memory-read-repository.ts'
import { openRow, tidyImportance } from './memory-row.ts'

type History = RouteTable['getMemoryHistory']

const MOST = 2_147_483_647
const cursorSchema = z.int().min(1).max(MOST)

/** A page of the versions of a memory, newest first. Throws AppError `memory_not_found`, `invalid_cursor`. */
export async function getMemoryHistory(deps: MemoryDeps, call: Call<History>): Promise<RouteOutput<History>> {
  const { params, query, context } = call
  const { tenantId } = context.caller
  const before = query.cursor === undefined ? null : decodeCursor(query.cursor, cursorSchema)
  const [[row], replaced] = await tenantFlight(deps.sql, scopeOf(context.caller), (tx) => [
    selectMemories(tx, tenantId, [params.id]),
    selectVersions(tx, tenantId, params.id, before ?? MOST, query.limit + 1),
  ])
  if (row === undefined) throw new AppError('memory_not_found')
  const current = { ...row, written_at: replaced[0]?.replaced_at ?? row.created_at, replaced_at: null }
  const rows: AnyVersion[] = before === null ? [current, ...replaced] : [...replaced]
  const page = rows.slice(0, query.limit)
  const items = await withKeysOf(deps, row, (keys) => page.map((version) => versionView(keys, version)))
  const last = rows.length > query.limit ? page.at(-1) : undefined
  const details = { subject_id: row.subject_id, count: items.length }
  deps.reads.record({ type: 'memory.history_read', context, resourceId: row.id, details })
  return { status: 200, body: { items, next_cursor: last === undefined ? null : encodeCursor(last.version) } }
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
