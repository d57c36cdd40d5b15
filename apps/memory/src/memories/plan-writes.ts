import type { MemoryDraft } from './memory-draft.ts'

/** Counters of a subject, read under its lock. */
export interface SubjectCounters {
  readonly subject_id: string
  readonly last_seq: number
  readonly last_change: number
}

/** A stored memory with the content of a draft: `ord` is the draft's place in the list. */
export interface Duplicate {
  readonly ord: number
  readonly id: string
}

export interface Insertion {
  readonly draft: MemoryDraft
  readonly seq: number
  readonly change: number
  readonly seenCount: number
}

export interface Reinforcement {
  readonly id: string
  readonly change: number
  readonly times: number
}

/** What becomes of draft number `ord`: the memory `id` is made by it, or reinforced. */
export interface Fate {
  readonly id: string
  readonly made: boolean
}

export interface WritePlan {
  readonly insertions: readonly Insertion[]
  readonly reinforcements: readonly Reinforcement[]
  readonly counters: readonly SubjectCounters[]
  readonly fates: readonly Fate[]
}

/**
 * Decides for each draft whether it makes a memory or reinforces one, stored already or earlier in the list,
 * and numbers everything: `seq` without a gap within the subject, `change` once for every row that changes.
 */
export function planWrites(
  drafts: readonly MemoryDraft[],
  locked: readonly SubjectCounters[],
  duplicates: readonly Duplicate[],
): WritePlan {
  const counters = new Map(locked.map((subject) => [subject.subject_id, { ...subject }]))
  const stored = new Map(duplicates.map(({ ord, id }) => [ord, id]))
  const insertions = new Map<string, { draft: MemoryDraft; seq: number; change: number; seenCount: number }>()
  const reinforcements = new Map<string, { id: string; change: number; times: number }>()
  const seenHere = new Map<string, string>()

  const fates = drafts.map((draft, ord): Fate => {
    const known = draft.reinforces ? (stored.get(ord) ?? seenHere.get(contentKey(draft))) : undefined
    return known === undefined ? insert(draft) : reinforce(draft, known)
  })
  return {
    insertions: [...insertions.values()],
    reinforcements: [...reinforcements.values()],
    counters: [...counters.values()],
    fates,
  }

  function insert(draft: MemoryDraft): Fate {
    const counter = counterOf(draft)
    insertions.set(draft.id, { draft, seq: ++counter.last_seq, change: ++counter.last_change, seenCount: 1 })
    seenHere.set(contentKey(draft), draft.id)
    return { id: draft.id, made: true }
  }

  function reinforce(draft: MemoryDraft, id: string): Fate {
    const inserted = insertions.get(id)
    const reinforced = reinforcements.get(id)
    if (inserted) inserted.seenCount += 1
    else if (reinforced) reinforced.times += 1
    else reinforcements.set(id, { id, change: ++counterOf(draft).last_change, times: 1 })
    return { id, made: false }
  }

  function counterOf(draft: MemoryDraft) {
    const counter = counters.get(draft.subjectId)
    if (counter === undefined) throw new Error('a subject that is not locked')
    return counter
  }
}

function contentKey({ subjectId, namespace, threadId, fingerprint }: MemoryDraft): string {
  return JSON.stringify([subjectId, namespace, threadId, fingerprint.toString('base64')])
}
