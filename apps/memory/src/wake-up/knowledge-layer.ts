import { knowledgeKind } from '../knowledge/knowledge-kind.ts'
import { openRow } from '../memories/memory-row.ts'
import { gatherNotes } from './gather-notes.ts'
import { shorten } from './shorten.ts'
import type { LayerProvider } from './wake-up-layer.ts'

const BRIEF = 120
const STANDARD = 300

/** What the agent has written down to know: notes that hold. */
export const knowledgeLayer: LayerProvider = {
  layer: 'knowledge',
  share: 3,
  heading: () => 'Knowledge',
  gather: (source) =>
    gatherNotes(source, 'knowledge', (row) => {
      const { title, content, sources } = knowledgeKind.view(row, openRow(source.keys, row))
      const told = (text: string) => (title === null ? text : `${title}: ${text}`)
      return (detail) => {
        if (detail === 'full') return `${told(content)}${sources.length === 0 ? '' : ` (sources: ${sources.length})`}`
        return detail === 'brief' ? shorten(title ?? content, BRIEF) : told(shorten(content, STANDARD))
      }
    }),
}
