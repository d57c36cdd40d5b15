import { HANDOFF_PARTS, HANDOFF_ROLE, type HandoffPart } from '@memoric/contracts/handoff-contract.ts'
import { type CreateMemory, MEMORY_LIMITS, type Tier } from '@memoric/contracts/memory-contract.ts'
import type { HandoffParts } from './handoff-box.ts'

const TITLES: Readonly<Record<HandoffPart, string>> = {
  experienced: 'Experienced',
  noticed: 'Noticed',
  learned: 'Learned',
  story: 'Story',
  becoming: 'Becoming',
  remember: 'Remember',
}

/** Longest name that a memory can have among its entities, characters. */
const ENTITY = 128

/** What else a memory has of its handoff. */
export interface HandoffFrame {
  readonly subjectId: string
  readonly namespace: string
  readonly sessionId: string
  readonly significance: number
  readonly occurredAt: Date
  readonly tier: Tier
}

/** The memory by which a search finds a handoff. */
export function memoryOfHandoff(frame: HandoffFrame, parts: HandoffParts): CreateMemory {
  const { subjectId, namespace, sessionId, significance, occurredAt, tier } = frame
  return {
    content: firstBytes(textOfHandoff(parts), MEMORY_LIMITS.contentBytes),
    subject_id: subjectId,
    namespace,
    session_id: sessionId,
    role: HANDOFF_ROLE,
    importance: significance,
    entities: Array.from(parts.with_whom).length <= ENTITY ? [parts.with_whom] : [],
    tags: [...parts.tags],
    tier,
    occurred_at: occurredAt.toISOString(),
    on_duplicate: 'create',
  }
}

/** The parts of a handoff that tell something, each with its title. */
export function titledParts(parts: HandoffParts, which: readonly HandoffPart[] = HANDOFF_PARTS): string[] {
  return which.flatMap((part) => {
    const text = parts[part]
    return text === null ? [] : [`${TITLES[part]}: ${text}`]
  })
}

function textOfHandoff(parts: HandoffParts): string {
  return [`Handoff with ${parts.with_whom}`, ...titledParts(parts)].join('\n')
}

/** The beginning of a text that has so many bytes in UTF-8, without half a character. */
function firstBytes(text: string, max: number): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= max) return text
  let end = max
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return bytes.subarray(0, end).toString()
}
