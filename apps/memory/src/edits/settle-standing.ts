import type { Tx } from '@memoric/postgres/lease.ts'
import type { StandingColumns } from '../provenance/provenance-view.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { selectWeights, updateStanding } from './edit-repository.ts'
import { standingOfEdits } from './standing-of-edits.ts'

/** How a memory stands now; `change` is null when it is gone. */
export interface Settled {
  readonly standing: StandingColumns
  readonly change: number | null
}

/** Gives a memory of a locked subject the standing that its approved edits leave it, and less if it is a note whose place another took. */
export async function settleStanding(tx: Tx, place: SubjectPlace, memoryId: string): Promise<Settled> {
  const standing = standingOfEdits(await selectWeights(tx, place.tenantId, memoryId))
  const [changed] = await updateStanding(tx, place, memoryId, standing)
  return { standing, change: changed?.change ?? null }
}
