import { buildSegment } from './build-segment.ts'
import type { IndexDocument } from './index-document.ts'
import { createPart, type IndexPart, living, partBytes, wipePart } from './index-part.ts'
import { idWords } from './memory-ids.ts'
import { mergeSegments } from './merge-segments.ts'
import { fitTogether } from './plan-storing.ts'
import { bury, supersede, supersedeAll } from './supersede.ts'
import type { TermSeed } from './term-hash.ts'

/**
 * The inverted index of one subject as a process holds it: segments in the order of the changes that they cover, without gaps.
 * Stored ones come first; those after them, which only this process has, are its tail.
 */
export interface SubjectIndex {
  readonly seed: TermSeed
  /** When the subject was made, ms since the epoch: one that is erased and made again is another. Null when there is none. */
  readonly subjectSince: number | null
  /** False while a newer version of the program writes the segments of this subject. */
  readonly isStorable: boolean
  /** Every change of the subject up to this one is in the index. */
  readonly change: number
  readonly parts: readonly IndexPart[]
  /** Memories that are alive. */
  readonly size: number
  readonly bytes: number
  /** Takes in what changed up to `toChange`: documents in their current version, and ids of deleted memories. */
  take(documents: readonly IndexDocument[], deleted: readonly string[], toChange: number): void
  /** Puts one part in the place of parts that follow each other. False when they are not there any more. */
  replace(parts: readonly IndexPart[], by: IndexPart): boolean
  /** Overwrites everything but what `kept` has, too. */
  wipe(kept?: SubjectIndex): void
}

/** So many parts of the tail become one. */
const FAN = 4

export interface SubjectIndexOptions {
  readonly seed: TermSeed
  readonly subjectSince?: number | null
  /** Cover all changes up to the last one of the last part. */
  readonly parts?: readonly IndexPart[]
  readonly isStorable?: boolean
}

export function createSubjectIndex({
  seed,
  subjectSince = null,
  parts = [],
  isStorable = true,
}: SubjectIndexOptions): SubjectIndex {
  let held = [...parts]
  let upTo = covered()
  supersedeAll(held)
  return {
    seed,
    subjectSince,
    isStorable,
    get change() {
      return upTo
    },
    get parts() {
      return held
    },
    get size() {
      return held.reduce((sum, part) => sum + living(part), 0)
    },
    get bytes() {
      return held.reduce((sum, part) => sum + partBytes(part), 0)
    },
    take(documents, deleted, toChange) {
      if (documents.length > 0) append(createPart(buildSegment(documents, seed, { fromChange: covered(), toChange })))
      for (const id of deleted) bury(held, idWords(id))
      upTo = toChange
    },
    replace(replaced, by) {
      const [first] = replaced
      const at = first === undefined ? -1 : held.indexOf(first)
      if (at === -1 || !replaced.every((part, offset) => held[at + offset] === part)) return false
      held.splice(at, replaced.length, by)
      return true
    },
    wipe(kept) {
      const others = new Set(kept?.parts.map(({ segment }) => segment))
      for (const part of held) if (!others.has(part.segment)) wipePart(part)
      held = []
    },
  }

  /** What lies between this and `change` left nothing to index. */
  function covered(): number {
    return held.at(-1)?.segment.toChange ?? 0
  }

  function append(part: IndexPart): void {
    for (const older of held) supersede(older, part)
    held.push(part)
    fold()
  }

  /** Keeps the tail to a few parts: some of about the same size become one. */
  function fold(): void {
    for (;;) {
      const last = held.slice(-FAN)
      const [first] = last
      if (first === undefined || last.length < FAN || !last.every(isLoose)) return
      if (living(first) > living(last.at(-1) ?? first) || !fitTogether(last)) return
      held.splice(-FAN, FAN, createPart(mergeSegments(last)))
      last.forEach(wipePart)
    }
  }
}

function isLoose({ storedId, stopgap, busy }: IndexPart): boolean {
  return storedId === null && stopgap === null && !busy
}
