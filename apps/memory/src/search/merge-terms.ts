import type { Origins } from './gather-columns.ts'
import { createPostingsBuffer, createPostingsWriter, readPostings, type PostingsWriter } from './postings.ts'
import type { InvertedTerms } from './invert.ts'
import { GONE, mergeWords } from './merge-words.ts'
import type { Segment } from './segment-format.ts'

/** More than any frequency: a document and a frequency make one number that sorts by the document. */
const FREQUENCIES = 2 ** 21

/** Merges the sorted terms of the segments; those that no document of the merged segment has are left out. */
export function mergeTerms(origins: Origins, segments: readonly Segment[]): InvertedTerms {
  const newNumbers = newNumbersOf(origins, segments)
  const collector = createCollector(origins.documents.length, segments)
  const walk = createWalk(segments)
  const room = segments.reduce((sum, { termHashes }) => sum + termHashes.length, 0)
  const termHashes = new Uint32Array(room)
  const starts = new Uint32Array(room / 2 + 1)
  const writer = createPostingsWriter(segments.reduce((sum, { postings }) => sum + postings.values.length, 0))
  const newTerms = segments.map((segment) => new Uint32Array(segment.termHashes.length / 2).fill(GONE))
  const renumbered: [segment: number, term: number][] = []
  const take = (at: number, term: number) => {
    collector.add(at, term, newNumbers)
    renumbered.push([at, term])
  }
  let terms = 0
  for (; walk.next(take); renumbered.length = 0) {
    if (!collector.flush(writer)) continue
    for (const [at, term] of renumbered) newTerms[at]?.fill(terms, term, term + 1)
    termHashes[2 * terms] = walk.low()
    termHashes[2 * terms + 1] = walk.high()
    starts[++terms] = writer.length
  }
  return {
    termHashes: termHashes.subarray(0, 2 * terms),
    postings: { starts: starts.subarray(0, terms + 1), values: writer.bytes() },
    words: mergeWords(segments, newTerms),
  }
}

/** For each source, the number that each of its documents has in the merged segment. */
function newNumbersOf({ sources, documents }: Origins, segments: readonly Segment[]): Uint32Array[] {
  const numbers = segments.map((segment) => new Uint32Array(segment.documents).fill(GONE))
  for (let at = 0; at < documents.length; at++) {
    const ofSource = numbers[sources[at] ?? 0]
    if (ofSource !== undefined) ofSource[documents[at] ?? 0] = at
  }
  return numbers
}

/** Goes through the terms of all segments in the order of their hashes, each once. */
interface Walk {
  /** Goes to the next term and gives each segment that has it, with its number there; false after the last. */
  next(give: (segment: number, term: number) => void): boolean
  low(): number
  high(): number
}

/** After the last term of a segment: more than any half of a hash. */
const END = 2 ** 32

function createWalk(segments: readonly Segment[]): Walk {
  const positions = new Uint32Array(segments.length)
  // The halves of the hash at each position, side by side: this is looked at most.
  const lows = new Float64Array(segments.length)
  const highs = new Float64Array(segments.length)
  for (let at = 0; at < segments.length; at++) read(at)
  let low = 0
  let high = 0
  return {
    next(give) {
      high = END
      low = END
      for (let at = 0; at < highs.length; at++) {
        const itsHigh = highs[at] ?? END
        if (itsHigh > high || (itsHigh === high && (lows[at] ?? END) >= low)) continue
        high = itsHigh
        low = lows[at] ?? END
      }
      if (high === END) return false
      for (let at = 0; at < highs.length; at++) {
        if (highs[at] !== high || lows[at] !== low) continue
        const term = positions[at] ?? 0
        give(at, term)
        positions[at] = term + 1
        read(at)
      }
      return true
    },
    low: () => low,
    high: () => high,
  }

  function read(at: number): void {
    const hashes = segments[at]?.termHashes
    const place = 2 * (positions[at] ?? 0)
    lows[at] = hashes?.[place] ?? END
    highs[at] = hashes?.[place + 1] ?? END
  }
}

/** Puts the postings of one term together. */
interface Collector {
  /** Takes the postings of a term in segment `at`, whose documents have these new numbers. */
  add(at: number, term: number, newNumbers: readonly Uint32Array[]): void
  /** Writes what was added, if there is anything, and begins anew. */
  flush(writer: PostingsWriter): boolean
}

function createCollector(room: number, segments: readonly Segment[]): Collector {
  const buffer = createPostingsBuffer(Math.max(...segments.map(({ documents }) => documents)))
  const merged = createPostingsBuffer(room)
  const { documents, frequencies } = merged
  let count = 0
  let isAscending = true
  return {
    add(at, term, newNumbers) {
      const postings = segments[at]?.postings
      const numbers = newNumbers[at]
      if (postings === undefined || numbers === undefined) return
      const found = readPostings(postings.values, postings.starts[term] ?? 0, buffer)
      for (let place = 0; place < found; place++) {
        const document = numbers[buffer.documents[place] ?? 0] ?? GONE
        if (document === GONE) continue
        if (count > 0 && document < (documents[count - 1] ?? 0)) isAscending = false
        documents[count] = document
        frequencies[count++] = buffer.frequencies[place] ?? 0
      }
    },
    flush(writer) {
      if (count === 0) return false
      if (!isAscending) sort()
      writer.write(merged, 0, count)
      count = 0
      isAscending = true
      return true
    },
  }

  function sort(): void {
    const pairs = Float64Array.from({ length: count }, (_, at) => {
      return (documents[at] ?? 0) * FREQUENCIES + (frequencies[at] ?? 0)
    }).sort()
    for (const [at, pair] of pairs.entries()) {
      documents[at] = Math.floor(pair / FREQUENCIES)
      frequencies[at] = pair % FREQUENCIES
    }
  }
}
