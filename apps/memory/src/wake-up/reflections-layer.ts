import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { scopeOf } from '../caller-scope.ts'
import type { ReflectionKind } from '../consolidations/reflection-repository.ts'
import { openRow } from '../memories/memory-row.ts'
import { strengthOf } from '../strength/strength.ts'
import { dayOf, freshness } from './item-value.ts'
import { type ReflectedMemory, selectReflectedMemories } from './reflected-repository.ts'
import { shorten } from './shorten.ts'
import type { LayerProvider, WakeUpItem, WakeUpSource } from './wake-up-layer.ts'

/** Candidates of each kind. */
const OF_KIND: Readonly<Record<ReflectionKind, number>> = { daily: 7, weekly: 6, monthly: 6, principle: 15 }

/** A longer period is worth telling for longer. */
const HALF_LIFE_DAYS: Readonly<Record<Exclude<ReflectionKind, 'principle'>, number>> = {
  daily: 3,
  weekly: 14,
  monthly: 60,
}

const BRIEF = 160
const STANDARD = 400

/** What days, weeks and months came to, and what was learned again and again: with one person, if one is named. */
export const reflectionsLayer: LayerProvider = {
  layer: 'reflections',
  share: 3,
  heading: ({ person }) => (person === null ? 'Reflections' : `Reflections with ${JSON.stringify(person.name)}`),
  async gather(source) {
    const { deps, caller, place, person } = source
    const names = person === null ? null : person.fingerprints
    const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [
      selectReflectedMemories(tx, place, names, OF_KIND),
    ])
    const told = rows.filter(({ nth, kind }) => nth <= OF_KIND[kind])
    return { items: told.map((row) => itemOf(source, row)), hasMore: told.length < rows.length }
  },
}

function itemOf(source: WakeUpSource, row: ReflectedMemory): WakeUpItem {
  const { content } = openRow(source.keys, row)
  const isPrinciple = row.kind === 'principle'
  return {
    id: row.id,
    kind: isPrinciple ? 'principle' : 'reflection',
    occurredAt: row.occurred_at,
    value: valueOf(source, row),
    text(detail) {
      const text = detail === 'full' ? content : shorten(content, detail === 'brief' ? BRIEF : STANDARD)
      return isPrinciple ? `Principle: ${text}` : `${periodOf(row)}: ${text}`
    },
  }
}

function periodOf({ kind, starts_on: from, occurred_at: last }: ReflectedMemory): string {
  return kind === 'daily' ? from : `${from} to ${dayOf(last)}`
}

function valueOf({ now }: WakeUpSource, row: ReflectedMemory): number {
  if (row.kind !== 'principle') {
    return 0.4 * row.importance + 0.6 * freshness(now, row.occurred_at, HALF_LIFE_DAYS[row.kind])
  }
  const { value } = strengthOf(
    {
      importance: row.importance,
      seenCount: row.seen_count + row.sources,
      recalls: row.recalls,
      lastUsedAt: latest(row.occurred_at, row.last_recalled_at),
    },
    now,
  )
  return 0.6 * row.confidence + 0.4 * value
}

function latest(one: Date, other: Date | null): Date {
  return other !== null && other > one ? other : one
}
