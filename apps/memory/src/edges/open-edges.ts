import type { Edge } from '@memoric/contracts/edge-contract.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { type EdgeRow, edgeView } from './edge-row.ts'

/** Opens edges in their order; those from or to a subject that has no key any more, or has withdrawn consent, are left out. */
export async function openEdges(deps: Pick<MemoryDeps, 'keys'>, rows: readonly EdgeRow[]): Promise<Edge[]> {
  const views = new Map<string, Edge>()
  const told = new Set<string>()
  const [first] = rows
  if (first === undefined) return []
  const subjects = new Set(rows.flatMap((row) => [row.subject_id, row.to_subject_id]))
  const own = Map.groupBy(rows, (row) => row.subject_id)
  for (const subjectId of subjects) {
    await deps.keys.forReading(first.tenant_id, subjectId, (keys) => {
      if (keys === null || keys.isStopped) return
      told.add(subjectId)
      for (const row of own.get(subjectId) ?? []) views.set(row.id, edgeView(keys, row))
    })
  }
  return rows.flatMap((row) => (told.has(row.to_subject_id) ? (views.get(row.id) ?? []) : []))
}
