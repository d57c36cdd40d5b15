import { encodeSegment } from './encode-segment.ts'
import type { IndexDocument } from './index-document.ts'
import { ID_WORDS, writeId } from './memory-ids.ts'
import {
  type Coverage,
  LABEL_COLUMNS,
  LIST_COLUMNS,
  type ListColumn,
  NUMBER_COLUMNS,
  type NumberColumn,
  type Ragged,
  recordOf,
  type Segment,
  TIME_COLUMNS,
} from './segment-format.ts'
import { createStringTable, renumber, type StringTable } from './string-table.ts'
import { invert } from './invert.ts'
import type { TermSeed } from './term-hash.ts'

/** Makes a segment of documents whose ids are all different. */
export function buildSegment(documents: readonly IndexDocument[], seed: TermSeed, coverage: Coverage): Segment {
  const sorted = documents.toSorted((one, other) => (one.id < other.id ? -1 : 1))
  const table = createStringTable()
  const numbers = recordOf(NUMBER_COLUMNS, (name) => Uint32Array.from(sorted, numberOf(name, table)))
  const lists = recordOf(LIST_COLUMNS, (name) => listOf(sorted, name, table))
  const { strings, finalNumbers } = table.finish()
  for (const name of LABEL_COLUMNS) renumber(numbers[name], finalNumbers)
  for (const name of LIST_COLUMNS) renumber(lists[name].values, finalNumbers)
  return encodeSegment({
    ...coverage,
    seed,
    ids: idsOf(sorted),
    numbers,
    times: recordOf(TIME_COLUMNS, (name) => Float64Array.from(sorted, (document) => document[name])),
    lists,
    metadata: metadataOf(sorted),
    strings,
    ...invert(sorted, seed),
  })
}

function numberOf(name: NumberColumn, table: StringTable): (document: IndexDocument) => number {
  if (name === 'length') return ({ terms }) => terms.length
  return (document) => {
    const value = document[name]
    return typeof value === 'number' ? value : table.number(value)
  }
}

function listOf(documents: readonly IndexDocument[], name: ListColumn, table: StringTable): Ragged<Uint32Array> {
  return {
    starts: startsOf(documents.map((document) => document[name].length)),
    values: Uint32Array.from(
      documents.flatMap((document) => document[name]),
      (text) => table.number(text),
    ),
  }
}

function startsOf(lengths: readonly number[]): Uint32Array {
  const starts = new Uint32Array(lengths.length + 1)
  let end = 0
  for (const [at, length] of lengths.entries()) starts[at + 1] = end += length
  return starts
}

function idsOf(documents: readonly IndexDocument[]): Uint32Array {
  const ids = new Uint32Array(documents.length * ID_WORDS)
  for (const [at, { id }] of documents.entries()) writeId(ids, at, id)
  return ids
}

function metadataOf(documents: readonly IndexDocument[]): Ragged<Uint8Array> {
  const texts = documents.map(({ metadata }) => Buffer.from(metadata))
  return { starts: startsOf(texts.map(({ length }) => length)), values: Buffer.concat(texts) }
}
