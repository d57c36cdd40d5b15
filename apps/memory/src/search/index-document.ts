import type { PrivateAttributes } from '../memories/private-attributes.ts'
import type { IndexRow } from './segment-repository.ts'
import { leavesOf, TOO_MANY_LEAVES } from './metadata-leaves.ts'
import { IMPORTANCE_UNIT, STANDING_UNIT, SUMMARISED } from './segment-format.ts'
import { tierNumber } from './tier-number.ts'
import { words } from './words.ts'

/** What the index takes in of a memory: all that filters and ranking look at. Its content is there only as words in no order. */
export interface IndexDocument {
  readonly id: string
  readonly sequence: number
  readonly version: number
  /** Millionths. */
  readonly importance: number
  readonly seenCount: number
  /** Its number, and SUMMARISED more when a summary stands for it. */
  readonly tier: number
  /** Position in TRUST_LEVELS. */
  readonly trust: number
  /** Millionths; 0 when it is withheld. */
  readonly standing: number
  /** Times are ms since the epoch; Infinity when it never expires. */
  readonly occurredAt: number
  readonly createdAt: number
  readonly updatedAt: number
  readonly expiresAt: number
  readonly namespace: string
  readonly thread: string | null
  readonly session: string | null
  /** Labels are folded: they are compared without regard to case. */
  readonly role: string | null
  readonly speaker: string | null
  readonly topic: string | null
  readonly category: string | null
  readonly tags: readonly string[]
  readonly entities: readonly string[]
  readonly leaves: readonly string[]
  /** JSON; empty for `{}`. */
  readonly metadata: string
  /** Every term as often as it occurs. */
  readonly terms: readonly string[]
}

export function indexDocument(row: IndexRow, attributes: PrivateAttributes): IndexDocument {
  const { role, speaker, topic, category, tags, entities, metadata } = attributes
  const isBare = Object.keys(metadata).length === 0
  return {
    id: row.id,
    sequence: row.seq,
    version: row.version,
    importance: Math.round(row.importance * IMPORTANCE_UNIT),
    seenCount: row.seen_count,
    tier: tierNumber(row.tier) + (row.summarised_by === null ? 0 : SUMMARISED),
    trust: row.trust,
    standing: Math.round(row.standing * STANDING_UNIT),
    occurredAt: row.occurred_at.getTime(),
    createdAt: row.created_at.getTime(),
    updatedAt: row.updated_at.getTime(),
    expiresAt: row.expires_at?.getTime() ?? Infinity,
    namespace: foldName(row.namespace),
    thread: row.thread_id && foldName(row.thread_id),
    session: row.session_id && foldName(row.session_id),
    role: role && foldLabel(role),
    speaker: speaker && foldLabel(speaker),
    topic: topic && foldLabel(topic),
    category: category && foldLabel(category),
    tags: tags.map(foldLabel),
    entities: entities.map(foldLabel),
    leaves: isBare ? [] : (leavesOf(metadata) ?? [TOO_MANY_LEAVES]),
    metadata: isBare ? '' : JSON.stringify(metadata),
    terms: searchableWords(attributes),
  }
}

/** UTF-8 has no halves of surrogate pairs. */
function foldName(name: string): string {
  return name.toWellFormed()
}

/** Labels are compared without regard to case. */
export function foldLabel(label: string): string {
  return foldName(label.toLowerCase())
}

/** All words by which a memory can be found: who spoke, about what, and what was said. */
function searchableWords(attributes: PrivateAttributes): string[] {
  const { speaker, topic, category, entities, tags, content } = attributes
  const labels = [speaker, topic, category, ...entities, ...tags].filter((label) => label !== null)
  return words(labels.length === 0 ? content : `${labels.join(' \n')} \n${content}`)
}
