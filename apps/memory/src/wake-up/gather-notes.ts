import type { NoteKind } from '@memoric/contracts/note-contract.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { scopeOf } from '../caller-scope.ts'
import { selectHolding } from '../notes/note-repository.ts'
import type { NoteRow } from '../notes/note-row.ts'
import { freshness } from './item-value.ts'
import type { Gathered, WakeUpItem, WakeUpSource } from './wake-up-layer.ts'

/** Candidates: the newest notes, and those that are surest. */
const NEWEST = 12
const SUREST = 8

/** What is written down stays worth knowing for longer than what happened. */
const HALF_LIFE_DAYS = 60

/** Notes of a kind that hold, the newest and the surest, each told as `teller` says. */
export async function gatherNotes(
  { deps, caller, place, person, now }: WakeUpSource,
  kind: NoteKind,
  teller: (row: NoteRow) => WakeUpItem['text'],
): Promise<Gathered> {
  const [newest, surest] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [
    selectHolding(tx, place, kind, person, 'newest', NEWEST + 1),
    selectHolding(tx, place, kind, person, 'surest', SUREST),
  ])
  const rows = new Map<string, NoteRow>([...newest.slice(0, NEWEST), ...surest].map((row) => [row.id, row]))
  const items = [...rows.values()].map((row) => ({
    id: row.id,
    kind,
    occurredAt: row.updated_at,
    value: 0.5 * row.confidence + 0.5 * freshness(now, row.updated_at, HALF_LIFE_DAYS),
    text: teller(row),
  }))
  return { items, hasMore: newest.length > NEWEST }
}
