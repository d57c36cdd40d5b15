import type { MemoryLine, VersionLine } from '../exports/export-lines.ts'
import type { StandingColumns } from '../provenance/provenance-view.ts'
import { levelOf } from '../provenance/provenance.ts'
import type { ImportedProvenance } from './import-repository.ts'

/** Whoever imports a file vouches for it: it is as it says. What says nothing is an import like any other. */
export function importedProvenance({ provenance, trust }: MemoryLine | VersionLine): ImportedProvenance {
  return {
    writtenBy: provenance?.written_by ?? null,
    source: provenance?.source ?? 'import',
    trust: levelOf(trust ?? 'standard'),
  }
}

/** What was withheld is never told in between: its edits come later in the file. */
export function importedStanding({ standing, standing_factor: factor = 1 }: MemoryLine): StandingColumns {
  if (standing === 'quarantined' || standing === 'retracted') return { standing: 0, withheld: standing }
  return { standing: factor > 0 ? factor : 1, withheld: null }
}
