import type { StandingColumns } from '../provenance/provenance-view.ts'
import type { EditRow } from './edit-row.ts'

/** The least that edits leave of a memory that is not withheld: an index tells no less from nothing. */
const LEAST = 0.001

/** How a memory stands after its approved edits, in whichever order they came: without one of them it stands as if that had never been. */
export function standingOfEdits(approved: readonly Pick<EditRow, 'operation' | 'factor'>[]): StandingColumns {
  const has = (operation: EditRow['operation']) => approved.some((edit) => edit.operation === operation)
  if (has('retract')) return { standing: 0, withheld: 'retracted' }
  if (has('quarantine')) return { standing: 0, withheld: 'quarantined' }
  const product = approved.reduce((standing, { factor }) => standing * (factor ?? 1), 1)
  return { standing: Math.max(LEAST, product), withheld: null }
}
