import { conversationOf, findConversation, hashConversation } from './conversation-table.ts'
import { type Candidates, ELIGIBLE, type PartCandidates } from './search-candidates.ts'

/** A document of a part. */
export interface DocumentPlace {
  readonly part: number
  readonly document: number
}

export interface Neighbour extends DocumentPlace {
  /** -1 for the one just before, 1 for the one just after, and so on. */
  readonly distance: number
}

/** What is said in one conversation by eligible memories. */
export interface Conversation {
  /** Up to `reach` memories before and after one of it. */
  neighboursOf(place: DocumentPlace, reach: number): Neighbour[]
}

interface Range {
  readonly part: number
  readonly candidate: PartCandidates
  /** In the order of the conversation. */
  readonly documents: Uint32Array
}

/** A number of its own for each document of all parts: documents of a segment are fewer than 2^24. */
export function placeKey({ part, document }: DocumentPlace): number {
  return part * 2 ** 24 + document
}

/** Looks conversations up, each once; `undefined` for a memory that is in none. */
export function createConversations({ parts, seed }: Candidates): (place: DocumentPlace) => Conversation | undefined {
  const byNumbers = parts.map(() => new Map<number, Conversation | undefined>())
  const byName = new Map<string, Conversation>()
  const hash = new Uint32Array(2)
  return (place) => {
    const numbers = parts[place.part]?.part.segment.numbers
    const known = byNumbers[place.part]
    if (numbers === undefined || known === undefined) return undefined
    const thread = numbers.thread.values[place.document & numbers.thread.mask] ?? 0
    const session = numbers.session.values[place.document & numbers.session.mask] ?? 0
    if (thread === 0 && session === 0) return undefined
    const key = thread * 2 ** 26 + session
    const found = known.get(key)
    if (found !== undefined) return found
    const conversation = find(place)
    known.set(key, conversation)
    return conversation
  }

  function find({ part, document }: DocumentPlace): Conversation | undefined {
    const segment = parts[part]?.part.segment
    const name = segment && conversationOf(segment, document)
    if (name === undefined) return undefined
    const text = `${name.thread ?? ''}\n${name.session ?? '\n'}`
    const known = byName.get(text)
    if (known !== undefined) return known
    hashConversation(seed, name, hash)
    const ranges: Range[] = []
    for (const [at, candidate] of parts.entries()) {
      const documents = findConversation(candidate.part.segment, hash, name)
      if (documents !== undefined) ranges.push({ part: at, candidate, documents })
    }
    const conversation = createConversation(ranges)
    byName.set(text, conversation)
    return conversation
  }
}

/** When a document was said. */
interface Moment {
  readonly time: number
  readonly sequence: number
}

interface Found extends DocumentPlace, Moment {}

function createConversation(ranges: readonly Range[]): Conversation {
  return {
    neighboursOf(place, reach) {
      const own = ranges.find(({ part }) => part === place.part)
      if (own === undefined) return []
      const moment = { time: timeOf(own, place.document), sequence: sequenceOf(own, place.document) }
      return nearest(ranges, place, moment, reach, -1).concat(nearest(ranges, place, moment, reach, 1))
    },
  }
}

/** The next eligible memories before or after a moment, the nearest first. */
function nearest(
  ranges: readonly Range[],
  place: DocumentPlace,
  moment: Moment,
  reach: number,
  step: -1 | 1,
): Neighbour[] {
  const found: Found[] = []
  for (const range of ranges) walk(range, place, moment, reach, step, found)
  if (ranges.length > 1) found.sort((one, other) => step * (one.time - other.time || one.sequence - other.sequence))
  return found.slice(0, reach).map(({ part, document }, at) => ({ part, document, distance: step * (at + 1) }))
}

function walk(range: Range, place: DocumentPlace, moment: Moment, reach: number, step: -1 | 1, found: Found[]): void {
  const { documents, part } = range
  const { state } = range.candidate
  const start = firstFrom(range, moment)
  let count = 0
  for (let at = step === 1 ? start : start - 1; at >= 0 && at < documents.length && count < reach; at += step) {
    const document = documents[at] ?? 0
    if (state !== null && state[document] !== ELIGIBLE) continue
    if (part === place.part && document === place.document) continue
    found.push({ part, document, time: timeOf(range, document), sequence: sequenceOf(range, document) })
    count += 1
  }
}

/** Position of the first document that is not before a moment. */
function firstFrom(range: Range, { time, sequence }: Moment): number {
  let low = 0
  let high = range.documents.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const document = range.documents[middle] ?? 0
    const difference = timeOf(range, document) - time || sequenceOf(range, document) - sequence
    if (difference < 0) low = middle + 1
    else high = middle
  }
  return low
}

function timeOf({ candidate }: Range, document: number): number {
  const { values, mask } = candidate.part.segment.times.occurredAt
  return values[document & mask] ?? 0
}

function sequenceOf({ candidate }: Range, document: number): number {
  const { values, mask } = candidate.part.segment.numbers.sequence
  return values[document & mask] ?? 0
}
