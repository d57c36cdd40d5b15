import type { PrivateAttributes } from '../memories/private-attributes.ts'
import type { IndexRow } from './index-repository.ts'
import { words } from './words.ts'

/** What the index keeps of a memory: all that filters and ranking look at, but not its content. */
export interface IndexedMemory {
  readonly id: string
  readonly namespace: string
  readonly threadId: string | null
  readonly tier: string
  readonly role: string | null
  readonly speaker: string | null
  readonly topic: string | null
  readonly category: string | null
  readonly tags: readonly string[]
  readonly metadata: PrivateAttributes['metadata']
  readonly importance: number
  readonly seenCount: number
  /** ms since the epoch */
  readonly occurredAt: number
  /** ms since the epoch; Infinity when it never expires */
  readonly expiresAt: number
  /** Number of words. */
  readonly length: number
}

/** Where a term occurs: `documents[i]` is the number of a memory, `frequencies[i]` how often the term is in it. */
export interface Postings {
  readonly documents: readonly number[]
  readonly frequencies: readonly number[]
}

/** The inverted index of one subject, in memory. Documents are numbered as they come; replaced and deleted ones leave a hole. */
export interface SubjectIndex {
  /** Every change of the subject up to this one is in the index. */
  change: number
  readonly documents: readonly (IndexedMemory | undefined)[]
  /** Live memories. */
  readonly size: number
  /** Rough size in bytes. */
  readonly bytes: number
  postings(term: string): Postings | undefined
  /** Adds a memory, or replaces the version that is there. */
  put(row: IndexRow, attributes: PrivateAttributes): void
  remove(id: string): void
}

const BYTES_PER_MEMORY = 400
const BYTES_PER_POSTING = 18

/** An empty index. */
export function createSubjectIndex(): SubjectIndex {
  const documents: (IndexedMemory | undefined)[] = []
  const numbers = new Map<string, number>()
  const terms = new Map<string, { documents: number[]; frequencies: number[] }>()
  let postingCount = 0

  return {
    change: 0,
    documents,
    get size() {
      return numbers.size
    },
    get bytes() {
      return documents.length * BYTES_PER_MEMORY + postingCount * BYTES_PER_POSTING
    },
    postings: (term) => terms.get(term),
    put(row, attributes) {
      remove(row.id)
      const tokens = searchableWords(attributes)
      numbers.set(row.id, documents.length)
      addPostings(documents.length, tokens)
      documents.push(indexed(row, attributes, tokens.length))
    },
    remove,
  }

  function remove(id: string): void {
    const number = numbers.get(id)
    if (number === undefined) return
    documents[number] = undefined
    numbers.delete(id)
  }

  function addPostings(document: number, tokens: readonly string[]): void {
    for (const [term, frequency] of countTerms(tokens)) {
      let postings = terms.get(term)
      if (postings === undefined) terms.set(term, (postings = { documents: [], frequencies: [] }))
      postings.documents.push(document)
      postings.frequencies.push(frequency)
      postingCount += 1
    }
  }
}

/** All words by which a memory can be found: who spoke, about what, and what was said. */
function searchableWords(attributes: PrivateAttributes): string[] {
  const { speaker, topic, category, entities, tags, content } = attributes
  const labels = [speaker, topic, category, ...entities, ...tags].filter((label) => label !== null)
  return words(labels.length === 0 ? content : `${labels.join(' \n')} \n${content}`)
}

function countTerms(tokens: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1)
  return counts
}

function indexed(row: IndexRow, attributes: PrivateAttributes, length: number): IndexedMemory {
  const { role, speaker, topic, category, tags, metadata } = attributes
  return {
    id: row.id,
    namespace: row.namespace,
    threadId: row.thread_id,
    tier: row.tier,
    role,
    speaker,
    topic,
    category,
    tags,
    metadata,
    importance: row.importance,
    seenCount: row.seen_count,
    occurredAt: row.occurred_at.getTime(),
    expiresAt: row.expires_at?.getTime() ?? Infinity,
    length,
  }
}
