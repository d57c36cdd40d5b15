import { countPostings } from './postings.ts'
import type { Segment } from './segment-format.ts'

/** The number of the term with this hash (low, high), or -1. */
export function findTerm({ termHashes }: Segment, hash: Uint32Array): number {
  const [low = 0, high = 0] = hash
  let from = 0
  let to = termHashes.length / 2
  while (from < to) {
    const middle = (from + to) >>> 1
    const itsHigh = termHashes[2 * middle + 1] ?? 0
    if (itsHigh < high || (itsHigh === high && (termHashes[2 * middle] ?? 0) < low)) from = middle + 1
    else to = middle
  }
  return termHashes[2 * from] === low && termHashes[2 * from + 1] === high ? from : -1
}

/** How many documents have a term. */
export function documentsWith({ postings }: Segment, term: number): number {
  return countPostings(postings.values, postings.starts[term] ?? 0)
}
