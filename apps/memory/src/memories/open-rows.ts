import type { Memory } from '@memoric/contracts/memory-contract.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { memoryView, openRow, type MemoryRow } from './memory-row.ts'

/** Opens rows of any subjects, in their order; rows whose subject has no key any more, or has withdrawn consent, are left out. */
export async function openRows(deps: MemoryDeps, rows: readonly MemoryRow[]): Promise<Memory[]> {
  const views = new Map<string, Memory>()
  for (const [subjectId, [first, ...rest]] of Map.groupBy(rows, (row) => row.subject_id)) {
    if (first === undefined) continue
    await deps.keys.forReading(first.tenant_id, subjectId, (keys) => {
      if (keys === null || keys.isStopped) return
      for (const row of [first, ...rest]) views.set(row.id, memoryView(row, openRow(keys, row)))
    })
  }
  return rows.flatMap((row) => views.get(row.id) ?? [])
}
