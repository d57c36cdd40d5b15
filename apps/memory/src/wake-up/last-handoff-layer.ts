import { findLastHandoff } from '../handoffs/get-last-handoff.ts'
import { handoffItem } from './handoff-item.ts'
import type { LayerProvider } from './wake-up-layer.ts'

/** What the session before left to this one: the last with the same person, if one is named. */
export const lastHandoffLayer: LayerProvider = {
  layer: 'last_handoff',
  share: 4,
  heading: ({ person }) => (person === null ? 'Last handoff' : `Last handoff with ${JSON.stringify(person.name)}`),
  async gather({ deps, caller, place, keys, person }) {
    const row = await findLastHandoff(deps, caller, place, person)
    return { items: row === undefined ? [] : [handoffItem(keys, row, 1)], hasMore: false }
  },
}
