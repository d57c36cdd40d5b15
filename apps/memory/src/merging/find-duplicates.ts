import { DEFAULT_SUBJECT, type Memory } from '@memoric/contracts/memory-contract.ts'
import type { Duplicates } from '@memoric/contracts/merge-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { subjectFor } from '@memoric/service/caller-limits.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { type MemoryRow, memoryView, openRow } from '../memories/memory-row.ts'
import type { PrivateAttributes } from '../memories/private-attributes.ts'
import { requireProcessing } from '../privacy/consent-rules.ts'
import { standsForOthers } from './merge-rules.ts'
import { selectMergeable } from './merge-repository.ts'
import { findNearDuplicates } from './near-duplicates.ts'

type Find = RouteTable['findDuplicates']

/** Memories that are compared: the newest. */
const LOOKED_AT = 1000
/** Most sealed bytes of them together: who compares long ones must not keep all others waiting. */
const MOST_BYTES = 1_048_576

/** Proposes merges: within one namespace and thread. Throws AppError `subject_not_allowed`, `consent_withdrawn`. */
export async function findDuplicates(deps: MemoryDeps, { query, context }: Call<Find>): Promise<RouteOutput<Find>> {
  const { caller } = context
  const subjectId = subjectFor(caller, query.subject_id, DEFAULT_SUBJECT)
  const body = await deps.keys.forReading(caller.tenantId, subjectId, async (keys): Promise<Duplicates> => {
    requireProcessing(keys)
    if (keys === null) return { items: [], looked_at: 0 }
    const place = { tenantId: caller.tenantId, subjectId }
    const [found] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [selectMergeable(tx, place, LOOKED_AT)])
    const rows = fitting(found)
    const opened = rows.map((row) => ({ row, attributes: openRow(keys, row) }))
    const items = await proposals(opened.filter(({ attributes }) => !standsForOthers(attributes)))
    return { items: items.slice(0, query.limit), looked_at: rows.length }
  })
  const ids = body.items.flatMap(({ memory, sources }) => [memory.id, ...sources.map((source) => source.memory.id)])
  const details = { subject_id: subjectId, count: ids.length }
  deps.reads.record({ type: 'memory.listed', context, resourceId: null, details })
  return { status: 200, body }
}

/** The first that have no more bytes together than are compared. */
function fitting(rows: readonly MemoryRow[]): readonly MemoryRow[] {
  let bytes = 0
  return rows.filter(({ sealed }) => (bytes += sealed.length) <= MOST_BYTES)
}

interface Opened {
  readonly row: MemoryRow
  readonly attributes: PrivateAttributes
}

/** The largest groups first. */
async function proposals(opened: readonly Opened[]): Promise<Duplicates['items']> {
  const places = Map.groupBy(opened, ({ row }) => JSON.stringify([row.namespace, row.thread_id]))
  const items: Duplicates['items'] = []
  for (const some of places.values()) {
    const ranked = some.toSorted(
      (one, other) => other.row.importance - one.row.importance || one.row.seq - other.row.seq,
    )
    const views = new Map(ranked.map(({ row, attributes }) => [String(row.id), memoryView(row, attributes)]))
    const texts = ranked.map(({ row, attributes }) => ({ id: row.id, text: attributes.content }))
    for (const { id, others } of await findNearDuplicates(texts)) items.push(...viewOf(views, id, others))
  }
  return items.sort((one, other) => other.sources.length - one.sources.length)
}

function viewOf(
  views: ReadonlyMap<string, Memory>,
  id: string,
  others: readonly { readonly id: string; readonly similarity: number }[],
): Duplicates['items'] {
  const memory = views.get(id)
  if (memory === undefined) return []
  const sources = others.flatMap(({ id: other, similarity }) => {
    const found = views.get(other)
    return found === undefined ? [] : [{ memory: found, similarity: Math.min(1, Math.round(similarity * 1e6) / 1e6) }]
  })
  return [{ memory, sources }]
}
