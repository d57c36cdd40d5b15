import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { scopeOf } from '../caller-scope.ts'
import { openHandoff } from '../handoffs/handoff-row.ts'
import { selectBecoming } from '../identity/identity-repository.ts'
import { dayOf } from './item-value.ts'
import { shorten } from './shorten.ts'
import type { LayerProvider, WakeUpItem } from './wake-up-layer.ts'

/** Most statements that are looked at, newest first; each weighs less than the one after it. */
const STATEMENTS = 8
const NEXT_WEIGHT = 0.8
const BRIEF = 160

/** Who the agent is: what it said last of who it is becoming, and before. */
export const identityLayer: LayerProvider = {
  layer: 'identity',
  share: 2,
  heading: () => 'Identity',
  async gather({ deps, caller, place, keys }) {
    const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [
      selectBecoming(tx, place, 'newest', null, STATEMENTS + 1),
    ])
    const items = rows.slice(0, STATEMENTS).map((row, nth): WakeUpItem => {
      const becoming = openHandoff(keys, row).becoming ?? ''
      const said = `${dayOf(row.occurred_at)}: ${becoming}`
      return {
        id: row.id,
        kind: 'becoming',
        occurredAt: row.occurred_at,
        value: NEXT_WEIGHT ** nth,
        text(detail) {
          if (detail === 'brief') return shorten(becoming, BRIEF)
          return detail === 'standard' ? said : `${said} (written by ${row.becoming_by ?? row.written_by})`
        },
      }
    })
    return { items, hasMore: rows.length > STATEMENTS }
  },
}
