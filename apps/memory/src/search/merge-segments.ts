import { encodeSegment } from './encode-segment.ts'
import { mergeTerms } from './merge-terms.ts'
import { gatherColumn, gatherIds, gatherRagged, originsOf, type Source } from './gather-columns.ts'
import { LABEL_COLUMNS, LIST_COLUMNS, NUMBER_COLUMNS, recordOf, type Segment, TIME_COLUMNS } from './segment-format.ts'
import { mergeStrings } from './merge-strings.ts'

/**
 * One segment in the place of several that follow each other, or of one: nothing of a dead document is in it. No id may be alive
 * in two of them, and all must have the same seed.
 */
export function mergeSegments(sources: readonly Source[]): Segment {
  const segments = sources.map(({ segment }) => segment)
  const [first] = segments
  if (first === undefined) throw new RangeError('nothing to merge')
  const origins = originsOf(sources)
  const count = origins.documents.length
  const numbers = recordOf(NUMBER_COLUMNS, (name) => {
    return gatherColumn(
      origins,
      segments.map((segment) => segment.numbers[name]),
      new Uint32Array(count),
    )
  })
  const lists = recordOf(LIST_COLUMNS, (name) => {
    return gatherRagged(
      origins,
      segments.map((segment) => segment.lists[name]),
      (length) => new Uint32Array(length),
    )
  })
  const labels = LABEL_COLUMNS.map((name) => numbers[name])
  const strings = mergeStrings(
    origins,
    segments,
    labels,
    LIST_COLUMNS.map((name) => lists[name]),
  )
  return encodeSegment({
    fromChange: Math.min(...segments.map(({ fromChange }) => fromChange)),
    toChange: Math.max(...segments.map(({ toChange }) => toChange)),
    seed: first.seed,
    ids: gatherIds(origins, segments),
    numbers,
    times: recordOf(TIME_COLUMNS, (name) => {
      return gatherColumn(
        origins,
        segments.map((segment) => segment.times[name]),
        new Float64Array(count),
      )
    }),
    lists,
    metadata: gatherRagged(
      origins,
      segments.map(({ metadata }) => metadata),
      (length) => new Uint8Array(length),
    ),
    strings,
    ...mergeTerms(origins, segments),
  })
}
