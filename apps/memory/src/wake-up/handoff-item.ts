import type { HandoffPart } from '@memoric/contracts/handoff-contract.ts'
import type { WakeUpDetail } from '@memoric/contracts/wake-up-contract.ts'
import type { HandoffParts } from '../handoffs/handoff-box.ts'
import { titledParts } from '../handoffs/handoff-memory.ts'
import { type HandoffRow, openHandoff } from '../handoffs/handoff-row.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import { dayOf } from './item-value.ts'
import { shorten } from './shorten.ts'
import type { WakeUpItem } from './wake-up-layer.ts'

/** What is told first when there is room for one part, characters of it, and of each part when there is room for several. */
const FIRST: readonly HandoffPart[] = ['remember', 'learned', 'experienced', 'noticed', 'story']
const BRIEF = 160
const STANDARD: readonly HandoffPart[] = ['remember', 'learned', 'experienced', 'noticed']
const PART = 400

/** A handoff as a layer tells of it; who the agent is becoming stands in the layer of its identity. */
export function handoffItem(keys: SubjectKeys, row: HandoffRow, value: number): WakeUpItem {
  const parts = openHandoff(keys, row)
  return {
    id: row.id,
    kind: 'handoff',
    occurredAt: row.occurred_at,
    value,
    text: (detail) => `${dayOf(row.occurred_at)} with ${parts.with_whom}${told(parts, detail)}`,
  }
}

function told(parts: HandoffParts, detail: WakeUpDetail): string {
  if (detail === 'full') return lines([...titledParts(parts, [...FIRST, 'becoming']), ...tagLine(parts)])
  const short = titledParts(shortened(parts), detail === 'brief' ? FIRST : STANDARD)
  if (detail === 'standard' && short.length > 0) return lines(short)
  const [only] = FIRST.flatMap((part) => parts[part] ?? [])
  return only === undefined ? '' : `: ${shorten(only, BRIEF)}`
}

function shortened(parts: HandoffParts): HandoffParts {
  const cut = (text: string | null) => (text === null ? null : shorten(text, PART))
  const { remember, learned, experienced, noticed } = parts
  return {
    ...parts,
    remember: cut(remember),
    learned: cut(learned),
    experienced: cut(experienced),
    noticed: cut(noticed),
  }
}

function tagLine({ tags }: HandoffParts): string[] {
  return tags.length === 0 ? [] : [`Tags: ${tags.join(', ')}`]
}

function lines(parts: readonly string[]): string {
  return parts.map((part) => `\n${part}`).join('')
}
