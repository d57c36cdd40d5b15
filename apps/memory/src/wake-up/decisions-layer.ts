import { decisionKind, linesOf } from '../decisions/decision-kind.ts'
import { openRow } from '../memories/memory-row.ts'
import { gatherNotes } from './gather-notes.ts'
import { dayOf } from './item-value.ts'
import { shorten } from './shorten.ts'
import type { LayerProvider } from './wake-up-layer.ts'

const BRIEF = 120
const LINE = 200

/** What was decided and still holds, with why where there is room. */
export const decisionsLayer: LayerProvider = {
  layer: 'decisions',
  share: 3,
  heading: () => 'Decisions',
  gather: (source) =>
    gatherNotes(source, 'decision', (row) => {
      const texts = decisionKind.view(row, openRow(source.keys, row))
      const day = dayOf(row.created_at)
      return (detail) => {
        if (detail === 'full') return `${day}: ${linesOf(texts).join('\n')}`
        if (detail === 'brief') return `${day}: ${shorten(texts.decision, BRIEF)}`
        const lines = linesOf(texts, ['rationale', 'constraints'])
        return `${day}: ${lines.map((line) => shorten(line, LINE)).join('\n')}`
      }
    }),
}
