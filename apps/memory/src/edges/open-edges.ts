import type { Edge } from '@memoric/contracts/edge-contract.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { type EdgeRow, edgeView } from './edge-row.ts'

/** Opens edges in their order; those of a subject that has no key any more, or has withdrawn consent, are left out. */
export async function openEdges(deps: Pick<MemoryDeps, 'keys'>, rows: readonly EdgeRow[]): Promise<Edge[]> {
  const views = new Map<string, Edge>()
  for (const [subjectId, [first, ...rest]] of Map.groupBy(rows, (row) => row.subject_id)) {
    if (first === undefined) continue
    await deps.keys.forReading(first.tenant_id, subjectId, (keys) => {
      if (keys === null || keys.isStopped) return
      for (const row of [first, ...rest]) views.set(row.id, edgeView(keys, row))
    })
  }
  return rows.flatMap((row) => views.get(row.id) ?? [])
}
