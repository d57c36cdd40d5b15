import type { ErrorCode } from '@memoric/contracts/error-codes.ts'
import type { EventType } from '@memoric/contracts/event-types.ts'
import type { MemoryId } from '@memoric/contracts/ids.ts'
import type { CreateMemory, Tier } from '@memoric/contracts/memory-contract.ts'
import type { NoteKind } from '@memoric/contracts/note-contract.ts'
import type { JsonValue } from '@memoric/contracts/text.ts'
import type { PrivateAttributes } from '../memories/private-attributes.ts'
import type { Stated } from '../provenance/provenance.ts'
import { entitiesOf } from './entities-of.ts'
import type { NoteRow } from './note-row.ts'

/** The words of a note as its memory has them. */
export interface NoteWords {
  readonly content: string
  readonly topic: string | null
  readonly category: string | null
  /** What of it the content does not tell by itself. */
  readonly parts: Readonly<Record<string, JsonValue>>
}

/** A note as it is to be written. */
export interface NoteDraft {
  readonly words: NoteWords
  readonly withWhom: string | null
  readonly tags: readonly string[]
  readonly sources: readonly MemoryId[]
  readonly confidence: number
  readonly stated: Stated
}

/** What one kind of note has of its own. */
export interface KindOfNote<View> {
  readonly kind: NoteKind
  readonly path: string
  readonly notFound: ErrorCode
  readonly events: Readonly<Record<'created' | 'superseded' | 'deleted' | 'read', EventType>>
  view(row: Omit<NoteRow, 'sealed'>, attributes: PrivateAttributes): View
}

/** Where a note belongs. */
export interface NotePlace {
  readonly subjectId: string
  readonly namespace: string
}

/** The memory by which a search finds a note; its metadata have what callers sent apart. */
export function memoryOfNote(
  kind: NoteKind,
  { subjectId, namespace }: NotePlace,
  occurredAt: Date,
  { words, withWhom, tags, sources, confidence, stated }: NoteDraft,
  tier: Tier,
): CreateMemory {
  const { content, topic, category, parts } = words
  return {
    content,
    subject_id: subjectId,
    namespace,
    role: kind,
    importance: confidence,
    ...(topic !== null && { topic }),
    ...(category !== null && { category }),
    entities: entitiesOf(withWhom),
    tags: [...tags],
    metadata: { [kind]: { ...parts, with_whom: withWhom, sources: [...sources] } },
    tier,
    ...stated,
    occurred_at: occurredAt.toISOString(),
    on_duplicate: 'create',
  }
}
