import type { SearchRequest } from '@memoric/contracts/search-contract.ts'
import { idAt } from '../search/memory-ids.ts'
import { createPostingsBuffer, readPostings } from '../search/postings.ts'
import { ELIGIBLE, type PartCandidates, selectCandidates } from '../search/search-candidates.ts'
import type { Segment } from '../search/segment-format.ts'
import { stringAt } from '../search/string-table.ts'
import type { SubjectIndex } from '../search/subject-index.ts'
import { createWordCursor } from '../search/word-list.ts'
import { STOP_WORDS } from '../search/words.ts'

/** A memory as it is put into a cluster. */
export interface ClusterDocument {
  readonly id: string
  readonly version: number
  readonly sequence: number
  /** Ms since the epoch. */
  readonly occurredAt: number
  readonly namespace: string
  readonly topic: string | null
  readonly category: string | null
  /** Its telling words, where it has neither topic nor category. */
  readonly terms: string[]
}

/** All memories of a subject at one change of it. */
export interface GatheredDocuments {
  readonly change: number
  /** When the time of the next memory is over, ms since the epoch; Infinity for never. */
  readonly validUntil: number
  readonly documents: readonly ClusterDocument[]
}

const EVERYTHING: SearchRequest = { top_k: 1, explain: false }

/** Memories in the order in which they were stored: it does not matter how the index keeps them. `now` in ms since the epoch. */
export function gatherDocuments(index: SubjectIndex, now: number): GatheredDocuments {
  const { parts } = selectCandidates(index, '*', EVERYTHING, 'subject', now)
  let validUntil = Infinity
  const documents: ClusterDocument[] = []
  for (const part of parts) {
    const own = documentsOf(part)
    const { expiresAt } = part.part.segment.times
    for (const [document, each] of own.entries()) {
      if (each === undefined) continue
      documents.push(each)
      validUntil = Math.min(validUntil, expiresAt.values[document & expiresAt.mask] ?? Infinity)
    }
  }
  documents.sort((one, other) => one.sequence - other.sequence)
  return { change: index.change, validUntil, documents }
}

function documentsOf({ part, state }: PartCandidates): (ClusterDocument | undefined)[] {
  const { segment } = part
  const { numbers, times } = segment
  const label = ({ values, mask }: { values: Uint32Array; mask: number }, document: number) => {
    const number = values[document & mask] ?? 0
    return number === 0 ? null : stringAt(segment.strings, number)
  }
  const documents = Array.from({ length: segment.documents }, (_, document): ClusterDocument | undefined => {
    if (state !== null && state[document] !== ELIGIBLE) return undefined
    return {
      id: idAt(segment.ids, document),
      version: numbers.version.values[document & numbers.version.mask] ?? 0,
      sequence: numbers.sequence.values[document & numbers.sequence.mask] ?? 0,
      occurredAt: times.occurredAt.values[document & times.occurredAt.mask] ?? 0,
      namespace: label(numbers.namespace, document) ?? '',
      topic: label(numbers.topic, document),
      category: label(numbers.category, document),
      terms: [],
    }
  })
  addTerms(segment, documents)
  return documents
}

/** Writes the words of the memories that have no labels, in the order of the words. */
function addTerms(segment: Segment, documents: readonly (ClusterDocument | undefined)[]): void {
  const isWanted = documents.map((each) => each !== undefined && each.topic === null && each.category === null)
  if (!isWanted.includes(true)) return
  const buffer = createPostingsBuffer(segment.documents)
  const cursor = createWordCursor(segment.words)
  while (cursor.next()) {
    const word = Buffer.from(cursor.bytes.buffer, 0, cursor.length()).toString()
    if (STOP_WORDS.has(word)) continue
    const count = readPostings(segment.postings.values, segment.postings.starts[cursor.term()] ?? 0, buffer)
    for (let at = 0; at < count; at++) {
      const document = buffer.documents[at] ?? 0
      if (isWanted[document] === true) documents[document]?.terms.push(word)
    }
  }
}
