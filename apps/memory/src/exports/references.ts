import type { Tx } from '@memoric/postgres/lease.ts'
import type { MemoryId } from '@memoric/contracts/ids.ts'
import { selectTaken } from '../import/import-repository.ts'
import type { Reference } from './export-lines.ts'

/** Makes references to the records with these ids. */
export async function referencesTo(
  tx: Tx,
  tenantId: string,
  ids: readonly MemoryId[],
): Promise<(id: MemoryId) => Reference> {
  const known = ids.length === 0 ? [] : await selectTaken(tx, tenantId, [...new Set(ids)])
  const times = new Map<string, string>(known.map(({ id, created_at }) => [id, created_at.toISOString()]))
  return (id) => ({ id, created_at: times.get(id) ?? null })
}
