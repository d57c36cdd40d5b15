import { compareIds, ID_WORDS, lowerBound } from '../search/memory-ids.ts'
import { type Candidates, ELIGIBLE, type PartCandidates } from '../search/search-candidates.ts'
import { dotProduct, type QuantisedVector, widen } from './quantise.ts'
import type { VectorBlock } from './vector-block.ts'

/** What a search compares memories of one subject with. */
export interface Near {
  readonly query: QuantisedVector
  readonly blocks: readonly VectorBlock[]
  /** A memory that is less similar is not found by that alone. */
  readonly least: number
}

interface WideVector {
  readonly wide: Int32Array
  readonly scale: number
}

/** How similar eligible memories are to a query. */
export interface Similarities {
  readonly least: number
  /** For each part and document the cosine, 0..1; below 0 for memories that have no vector or are not eligible. */
  readonly parts: readonly Float64Array[]
  /** Eligible memories that have a vector. */
  readonly embedded: number
}

/** Only the vector of the version that the index has of a memory counts. */
export function similaritiesOf({ parts }: Pick<Candidates, 'parts'>, near: Near): Similarities {
  let embedded = 0
  const query = { wide: widen(near.query.values), scale: near.query.scale }
  const values = parts.map((candidate) => {
    const similarities = new Float64Array(candidate.part.segment.documents).fill(-1)
    for (const block of near.blocks) {
      if (block.dimensions === near.query.values.length) embedded += compareAll(candidate, block, query, similarities)
    }
    return similarities
  })
  return { least: near.least, parts: values, embedded }
}

/** Walks through the sorted ids of a segment and of a block side by side; gives how many memories got their first value. */
function compareAll(
  { part, state }: PartCandidates,
  block: VectorBlock,
  query: WideVector,
  similarities: Float64Array,
): number {
  const { ids, numbers } = part.segment
  const { version } = numbers
  if (ids.length === 0 || block.count === 0) return 0
  let found = 0
  let document = lowerBound(ids, block.ids, 0)
  let at = lowerBound(block.ids, ids, document)
  while (document * ID_WORDS < ids.length && at < block.count) {
    const order = compareIds(ids, document, block.ids, at)
    if (order === 0 && (state === null || state[document] === ELIGIBLE)) {
      if (block.versions[at] === version.values[document & version.mask]) {
        if ((similarities[document] ?? 0) < 0) found += 1
        similarities[document] = similarity(block, at, query)
      }
    }
    if (order <= 0) document += 1
    if (order >= 0) at += 1
  }
  return found
}

/** The cosine of two vectors, 0 when they point away from each other. */
function similarity({ dimensions, values, scales }: VectorBlock, at: number, { wide, scale }: WideVector): number {
  const cosine = dotProduct(values, at * dimensions, wide) * (scales[at] ?? 0) * scale
  return Math.min(1, Math.max(0, cosine))
}
