import type { ConversationTable } from './conversation-table.ts'
import type { TermSeed } from './term-hash.ts'
import type { WordList } from './word-list.ts'

/** The bytes `MSEG`, read as a number on a machine that stores the lowest byte first. */
export const MAGIC = 0x4745534d

/** Another number for every change of the layout, or of what makes words, labels and terms: older segments are built anew. */
export const FORMAT = 3

/** Numbers of a document, 32 bits each. */
const PLAIN_COLUMNS = ['sequence', 'version', 'importance', 'seenCount', 'length', 'tier', 'trust', 'standing'] as const

/** Added to the tier of a document that a summary stands for. */
export const SUMMARISED = 4

/** Names and labels of a document: the numbers of strings, 0 for none. */
export const LABEL_COLUMNS = ['namespace', 'thread', 'session', 'role', 'speaker', 'topic', 'category'] as const
export type LabelColumn = (typeof LABEL_COLUMNS)[number]

export const NUMBER_COLUMNS = [...PLAIN_COLUMNS, ...LABEL_COLUMNS] as const
export type NumberColumn = (typeof NUMBER_COLUMNS)[number]

/** Points in time of a document, ms since the epoch; Infinity for never. */
export const TIME_COLUMNS = ['occurredAt', 'createdAt', 'updatedAt', 'expiresAt'] as const
export type TimeColumn = (typeof TIME_COLUMNS)[number]

/** Strings of a document, any number of each. */
export const LIST_COLUMNS = ['tags', 'entities', 'leaves'] as const
export type ListColumn = (typeof LIST_COLUMNS)[number]

/** A record with the same member for each of some names. */
export function recordOf<K extends string, V>(names: readonly K[], make: (name: K) => V): Record<K, V> {
  const record: Partial<Record<K, V>> = {}
  for (const name of names) record[name] = make(name)
  // Every name has its member now.
  return record as Record<K, V>
}

/** Importance is kept in millionths, which tells apart all that its database type does. */
export const IMPORTANCE_UNIT = 1e6

/** The same of standings; 0 for what is withheld. */
export const STANDING_UNIT = 1e6

/** Variable parts of documents, strings or terms: part `i` is `values[starts[i]..starts[i + 1])`. No starts when all are empty. */
export interface Ragged<T> {
  readonly starts: Uint32Array
  readonly values: T
}

/** A column of which `values[i & mask]` is the value of document `i`: one value serves all when the mask is 0. */
export interface Column<T> {
  readonly values: T
  readonly mask: number
}

/** Which changes of the subject a segment stands for: those after `fromChange` up to `toChange`. */
export interface Coverage {
  readonly fromChange: number
  readonly toChange: number
}

/** What a segment holds, apart from how it lies in its bytes. Documents are in the order of their ids. */
export interface SegmentContent extends Coverage {
  readonly seed: TermSeed
  /** Four words a document. */
  readonly ids: Uint32Array
  readonly numbers: Readonly<Record<NumberColumn, Uint32Array>>
  readonly times: Readonly<Record<TimeColumn, Float64Array>>
  readonly lists: Readonly<Record<ListColumn, Ragged<Uint32Array>>>
  /** JSON in UTF-8; empty for `{}`. */
  readonly metadata: Ragged<Uint8Array>
  /** UTF-8, in the order of UTF-16 units; string number `i` is part `i - 1`. */
  readonly strings: Ragged<Uint8Array>
  /** Two words a term (low, high), in the order of the hashes. */
  readonly termHashes: Uint32Array
  readonly postings: Ragged<Uint8Array>
  readonly words: WordList
}

/** A segment in memory: views of its bytes, made without reading them. */
export interface Segment extends Omit<SegmentContent, 'numbers' | 'times' | 'metadata' | 'strings'>, ConversationTable {
  /** All of it. */
  readonly bytes: Uint8Array
  readonly documents: number
  /** Words of all documents together. */
  readonly totalLength: number
  /** When the first document expires, ms since the epoch. */
  readonly earliestExpiry: number
  readonly numbers: Readonly<Record<NumberColumn, Column<Uint32Array>>>
  readonly times: Readonly<Record<TimeColumn, Column<Float64Array>>>
  readonly metadata: Ragged<Buffer>
  readonly strings: Ragged<Buffer>
}

/** Why bytes are no segment that this program can use. */
export class SegmentError extends Error {
  override readonly name = 'SegmentError'
  readonly reason: 'format' | 'damaged'

  constructor(reason: 'format' | 'damaged') {
    super(reason === 'format' ? 'the segment has another format' : 'the segment is damaged')
    this.reason = reason
  }
}

/** Bytes of the header; the table of sections (offset and length of each, in bytes, 32 bits each) follows. */
export const HEADER = {
  magic: 0,
  format: 4,
  documents: 8,
  seed: 16,
  fromChange: 32,
  toChange: 40,
  totalLength: 48,
  earliestExpiry: 56,
  sections: 64,
} as const

/** Sections in the order of the table: ids, numbers, times, lists, metadata, strings, terms, words, conversations. */
export const SECTIONS = 1 + NUMBER_COLUMNS.length + TIME_COLUMNS.length + 2 * LIST_COLUMNS.length + 2 + 2 + 3 + 2 + 3

/** Every section begins at a multiple of this, so that views of any element fit. */
export const ALIGNMENT = 8

/** Where the sections begin. */
export const DATA_START = HEADER.sections + SECTIONS * 8
