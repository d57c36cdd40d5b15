import type { IndexPart } from './index-part.ts'
import { compareIds } from './memory-ids.ts'

export interface ScoredDocument {
  /** Position of the part in the index. */
  readonly part: number
  readonly document: number
  /** What the words of the query give it. */
  readonly gains: number
  readonly score: number
}

/** Keeps the best documents in order; equal scores by id. */
export interface BestDocuments<S extends ScoredDocument = ScoredDocument> {
  readonly documents: readonly S[]
  /** A score below this comes too late. */
  readonly least: number
  offer(document: S): void
}

export function createBestDocuments<S extends ScoredDocument>(
  parts: readonly IndexPart[],
  limit: number,
): BestDocuments<S> {
  const documents: S[] = []
  let least = limit === 0 ? Infinity : -Infinity
  return {
    documents,
    get least() {
      return least
    },
    offer(offered) {
      if (offered.score < least) return
      documents.splice(placeOf(offered), 0, offered)
      if (documents.length > limit) documents.pop()
      if (documents.length === limit) least = documents.at(-1)?.score ?? -Infinity
    },
  }

  function placeOf(offered: ScoredDocument): number {
    let low = 0
    let high = documents.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const there = documents[middle]
      if (there !== undefined && precedes(there, offered)) low = middle + 1
      else high = middle
    }
    return low
  }

  function precedes(one: ScoredDocument, other: ScoredDocument): boolean {
    if (one.score !== other.score) return one.score > other.score
    return compareIds(idsOf(one), one.document, idsOf(other), other.document) < 0
  }

  function idsOf({ part }: ScoredDocument): Uint32Array {
    return parts[part]?.segment.ids ?? new Uint32Array()
  }
}
