import type { ContextFormat, ContextShape, ContextStyle } from '@memoric/contracts/context-contract.ts'
import type { Memory } from '@memoric/contracts/memory-contract.ts'
import { NOTICE, quoteBriefly, quoteMemory } from './quote-memory.ts'

export type PartName = 'thread' | 'related'

/** A memory that is told, or the beginning of one. */
export interface Told {
  readonly memory: Memory
  readonly part: PartName
  readonly shown: string
}

export interface Shaping {
  readonly format: ContextFormat
  readonly style: ContextStyle | undefined
  readonly threadId: string | undefined
}

/** A told memory with the number that it is cited by. */
interface Cited extends Told {
  readonly citation: number
}

const ASSISTANT = 'assistant'

/** What is told in the order in which it is cited: by time, the thread before related history, where the two are kept apart. */
export function inOrder<T extends Told>(told: readonly T[], { format }: Pick<Shaping, 'format'>): T[] {
  const byTime = told.toSorted((one, other) => compareTimes(one.memory, other.memory))
  if (format === 'simple') return byTime
  return [...byTime.filter(({ part }) => part === 'thread'), ...byTime.filter(({ part }) => part === 'related')]
}

function compareTimes(one: Memory, other: Memory): number {
  const difference = Date.parse(one.occurred_at) - Date.parse(other.occurred_at)
  if (difference !== 0) return difference
  const isSameSubject = one.subject_id === other.subject_id
  if (isSameSubject) return one.seq - other.seq
  return one.id < other.id ? -1 : 1
}

/** The context as it is answered. Without `withMetadata` it says nothing of the whole, for want of room. */
export function shapeContext(told: readonly Told[], shaping: Shaping, withMetadata: boolean): ContextShape {
  const cited = citedOf(told, shaping)
  const thread = cited.filter(({ part }) => part === 'thread')
  const related = cited.filter(({ part }) => part === 'related').map(quoteMemory)
  const threadId = shaping.threadId ?? null
  switch (shaping.format) {
    case 'simple':
      return { memories: cited.map(quoteMemory), count: cited.length }
    case 'chat':
      return {
        messages: thread.map(messageOf),
        related_history: related,
        thread_id: withMetadata ? threadId : null,
        count: thread.length,
      }
    case 'structured':
      return {
        thread_context: thread.map(quoteMemory),
        related_history: related,
        metadata: withMetadata ? metadataOf(cited, threadId) : {},
      }
  }
}

/**
 * What a memory says in the place of a system message would be obeyed: there are none. What anybody may have written is no word of the
 * assistant's own.
 */
export function messageOf(cited: Cited): { role: 'user' | 'assistant'; content: string } {
  const { role, trust } = cited.memory
  return { role: role === ASSISTANT && trust !== 'untrusted' ? ASSISTANT : 'user', content: quoteMemory(cited) }
}

/** The same memories as text for a prompt; empty when there are none. */
export function shapeText(told: readonly Told[], shaping: Shaping): string {
  const cited = citedOf(told, shaping)
  if (cited.length === 0) return ''
  if (shaping.style === 'compact') return `${NOTICE}\n${cited.map(quoteBriefly).join(' | ')}`
  const groups = groupsOf(cited, shaping).filter(({ members }) => members.length > 0)
  const texts = groups.map(({ heading, members }) => renderGroup(heading, members, shaping))
  return `${NOTICE}\n\n${texts.join('\n\n')}`
}

function groupsOf(cited: readonly Cited[], { format, threadId }: Shaping) {
  if (format === 'simple' || threadId === undefined) return [{ heading: 'Memories', members: cited }]
  return [
    { heading: 'Current Conversation', members: cited.filter(({ part }) => part === 'thread') },
    { heading: 'Related Context', members: cited.filter(({ part }) => part === 'related') },
  ]
}

function renderGroup(heading: string, members: readonly Cited[], { style }: Shaping): string {
  const isBullet = style === 'bullet'
  const lines = members.map((each) => `${isBullet ? '  - ' : '  '}${quoteMemory(each)}`)
  return [`${isBullet ? '• ' : ''}${heading}:`, ...lines].join('\n')
}

function citedOf(told: readonly Told[], shaping: Shaping): Cited[] {
  return inOrder(told, shaping).map((each, nth) => ({ ...each, citation: nth + 1 }))
}

function metadataOf(cited: readonly Cited[], threadId: string | null) {
  if (cited.length === 0) return {}
  const most = <T extends string | number>(read: (memory: Memory) => T | null): T | undefined =>
    mostCommon(cited.flatMap(({ memory }) => read(memory) ?? []))
  const named = {
    subject_id: most(({ subject_id }) => subject_id),
    thread_id: threadId ?? undefined,
    topic: most(({ topic }) => topic),
    category: most(({ category }) => category),
    importance: most(({ importance }) => importance),
  }
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined))
}

/** Of values that are as common the first in their order. */
function mostCommon<T extends string | number>(values: readonly T[]): T | undefined {
  const counts = new Map<T, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  const [first] = [...counts].sort(([one, count], [other, otherCount]) => {
    return otherCount - count || (one < other ? -1 : 1)
  })
  return first?.[0]
}
