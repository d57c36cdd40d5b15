import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { scopeOf } from '../caller-scope.ts'
import { selectHandoffs, selectWeightiest } from '../handoffs/handoff-repository.ts'
import type { HandoffRow } from '../handoffs/handoff-row.ts'
import { type MemoryRow, openRow } from '../memories/memory-row.ts'
import { nameFingerprint } from '../persons/name-fingerprint.ts'
import { handoffItem } from './handoff-item.ts'
import { dayOf, freshness } from './item-value.ts'
import { selectNewestMemories } from './recent-repository.ts'
import { shorten } from './shorten.ts'
import type { LayerProvider, WakeUpItem, WakeUpSource } from './wake-up-layer.ts'

/** Candidates: the newest handoffs, those of most significance, and what of the newest memories is no handoff. */
const NEWEST = 20
const WEIGHTIEST = 12
const MEMORIES = 40

const HALF_LIFE_DAYS = 14
const BRIEF = 120
const STANDARD = 300

/** What happened lately and what mattered most: handoffs, and memories that no session has handed over yet. */
export const recentLayer: LayerProvider = {
  layer: 'recent',
  share: 5,
  heading: ({ person }) => (person === null ? 'Recent' : `Recent with ${JSON.stringify(person.name)}`),
  async gather(source) {
    const { deps, caller, place, person, keys } = source
    const [newest, weightiest, memories] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [
      selectHandoffs(tx, place, person, {}, null, NEWEST + 1),
      selectWeightiest(tx, place, person, WEIGHTIEST),
      selectNewestMemories(tx, place, MEMORIES),
    ])
    const handoffs = new Map<string, HandoffRow>(
      [...newest.slice(0, NEWEST), ...weightiest].map((row) => [row.id, row]),
    )
    const items = [...handoffs.values()].map((row) => handoffItem(keys, row, valueOf(source, row.significance, row)))
    const more = memories.flatMap((row) => memoryItem(source, row) ?? [])
    return { items: [...items, ...more], hasMore: newest.length > NEWEST }
  },
}

function valueOf({ now }: WakeUpSource, weight: number, { occurred_at }: { readonly occurred_at: Date }): number {
  return 0.5 * weight + 0.5 * freshness(now, occurred_at, HALF_LIFE_DAYS)
}

/** A memory as it is told; undefined for one that is of nobody, or of another, when a person is named. */
function memoryItem(source: WakeUpSource, row: MemoryRow): WakeUpItem | undefined {
  const { content, speaker } = openRow(source.keys, row)
  if (!isWith(source, speaker)) return undefined
  const who = speaker === null ? '' : ` ${speaker}`
  return {
    id: row.id,
    kind: 'memory',
    occurredAt: row.occurred_at,
    value: valueOf(source, row.importance, row),
    text(detail) {
      const text = detail === 'full' ? content : shorten(content, detail === 'brief' ? BRIEF : STANDARD)
      return `${dayOf(row.occurred_at)}${who}: ${text}`
    },
  }
}

function isWith({ keys, person }: WakeUpSource, speaker: string | null): boolean {
  if (person === null) return true
  if (speaker === null) return false
  const fingerprint = nameFingerprint(keys, speaker)
  return person.fingerprints.some((known) => fingerprint.equals(known))
}
