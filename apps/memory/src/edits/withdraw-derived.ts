import type { Tx } from '@memoric/postgres/lease.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import type { RemovedRow } from '../memories/memory-removal-repository.ts'
import type { MemoryRow } from '../memories/memory-row.ts'
import { withdrawSummaries } from '../policies/memory-summaries.ts'
import { removeFromSegments } from '../search/remove-from-segments.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

/** Removes what was made of memories and would go on telling them; gives the memories that went. The subject is locked. */
export type Withdraw = (
  tx: Tx,
  deps: Pick<MemoryDeps, 'events'>,
  context: RequestContext,
  place: SubjectPlace,
  rows: readonly MemoryRow[],
) => Promise<readonly RemovedRow[]>

/** Whatever else is made of memories belongs into this list. */
export const WITHDRAWN: readonly Withdraw[] = [withdrawSummaries]

/** Removes all that tells a memory which is withheld from now on, from the search segments, too. */
export async function withdrawDerived(
  tx: Tx,
  deps: Pick<MemoryDeps, 'events'>,
  context: RequestContext,
  keys: SubjectKeys,
  row: MemoryRow,
): Promise<readonly RemovedRow[]> {
  const place = { tenantId: row.tenant_id, subjectId: row.subject_id }
  const gone: RemovedRow[] = []
  for (const withdraw of WITHDRAWN) gone.push(...(await withdraw(tx, deps, context, place, [row])))
  if (gone.length > 0) await removeFromSegments(tx, keys, place, gone)
  return gone
}
