import type { MemoryDraft } from './memory-draft.ts'

/** One memory to be made, or to be reinforced if it is stored already; `times` drafts of a list ask for it. */
export interface Entry {
  readonly draft: MemoryDraft
  readonly times: number
}

/** What a draft asks for: the entry it belongs to, and whether it is the one that would make it. */
export interface Ask {
  readonly draft: MemoryDraft
  readonly entryId: string
  readonly isFirst: boolean
}

/** Puts drafts with the same content together, so that the first makes the memory and the others reinforce it. */
export function mergeDrafts(drafts: readonly MemoryDraft[]): { entries: Entry[]; asks: Ask[] } {
  const entries = new Map<string, { draft: MemoryDraft; times: number }>()
  const known = new Map<string, string>()
  const asks = drafts.map((draft): Ask => {
    const key = contentKey(draft)
    const entry = draft.reinforces ? entries.get(known.get(key) ?? '') : undefined
    if (entry !== undefined) {
      entry.times += 1
      return { draft, entryId: entry.draft.id, isFirst: false }
    }
    entries.set(draft.id, { draft, times: 1 })
    if (draft.reinforces) known.set(key, draft.id)
    return { draft, entryId: draft.id, isFirst: true }
  })
  return { entries: [...entries.values()], asks }
}

/** What is trusted differently is kept apart. */
function contentKey({ subjectId, fingerprint, provenance }: MemoryDraft): string {
  return `${fingerprint.toString('base64')} ${provenance.trust} ${subjectId}`
}
