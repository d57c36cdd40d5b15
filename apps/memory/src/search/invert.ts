import type { IndexDocument } from './index-document.ts'
import { createPostingsWriter } from './postings.ts'
import type { Ragged } from './segment-format.ts'
import { hashTerm, type TermSeed } from './term-hash.ts'
import { createWordListWriter, type WordList } from './word-list.ts'

/** Terms in the order of their hashes (two words each, low and high), and where each occurs. */
export interface InvertedTerms {
  readonly termHashes: Uint32Array
  readonly postings: Ragged<Uint8Array>
  readonly words: WordList
}

/** Turns documents with terms into terms with documents. Documents are numbered as they come. */
export function invert(documents: readonly IndexDocument[], seed: TermSeed): InvertedTerms {
  const numbers = new Map<string, number>()
  const occurrences = documents.map(({ terms }) => Uint32Array.from(terms, (term) => numberOf(numbers, term)))
  const lists = listsOf(occurrences, numbers.size)
  const texts = [...numbers.keys()]
  const hashes = hashAll(texts, seed)
  const order = Uint32Array.from({ length: numbers.size }, (_, term) => term)
  order.sort((one, other) => compareHashes(hashes, one, other))
  return { ...inOrder(hashes, lists, order), words: listWords(texts, order) }
}

function numberOf(numbers: Map<string, number>, term: string): number {
  const known = numbers.get(term)
  if (known !== undefined) return known
  numbers.set(term, numbers.size)
  return numbers.size - 1
}

/** The list of term `i` is `documents` and `frequencies` from `starts[i]` to `starts[i + 1]`. */
interface Lists {
  readonly starts: Uint32Array
  readonly documents: Uint32Array
  readonly frequencies: Uint32Array
}

function listsOf(occurrences: readonly Uint32Array[], terms: number): Lists {
  const starts = startsOf(occurrences, terms)
  const documents = new Uint32Array(starts[terms] ?? 0)
  const frequencies = new Uint32Array(documents.length)
  const ends = starts.slice()
  for (const [document, own] of occurrences.entries()) {
    for (const term of own) {
      let at = (ends[term] ?? 0) - 1
      if (at < (starts[term] ?? 0) || documents[at] !== document) {
        at = ends[term] ?? 0
        ends[term] = at + 1
        documents[at] = document
      }
      frequencies[at] = (frequencies[at] ?? 0) + 1
    }
  }
  return { starts, documents, frequencies }
}

function startsOf(occurrences: readonly Uint32Array[], terms: number): Uint32Array {
  const starts = new Uint32Array(terms + 1)
  /** The last document that a term was seen in, counted from 1. */
  const seen = new Uint32Array(terms)
  for (const [document, own] of occurrences.entries()) {
    for (const term of own) {
      if (seen[term] === document + 1) continue
      seen[term] = document + 1
      starts[term + 1] = (starts[term + 1] ?? 0) + 1
    }
  }
  for (let term = 0; term < terms; term++) starts[term + 1] = (starts[term + 1] ?? 0) + (starts[term] ?? 0)
  return starts
}

function hashAll(terms: readonly string[], seed: TermSeed): Uint32Array {
  const hashes = new Uint32Array(2 * terms.length)
  const hash = new Uint32Array(2)
  for (const [at, term] of terms.entries()) {
    hashTerm(seed, term, hash)
    hashes.set(hash, 2 * at)
  }
  return hashes
}

function compareHashes(hashes: Uint32Array, one: number, other: number): number {
  const difference = (hashes[2 * one + 1] ?? 0) - (hashes[2 * other + 1] ?? 0)
  return difference !== 0 ? difference : (hashes[2 * one] ?? 0) - (hashes[2 * other] ?? 0)
}

function inOrder(hashes: Uint32Array, lists: Lists, order: Uint32Array): Omit<InvertedTerms, 'words'> {
  const termHashes = new Uint32Array(hashes.length)
  const starts = new Uint32Array(order.length + 1)
  const writer = createPostingsWriter(lists.documents.length * 2)
  for (let at = 0; at < order.length; at++) {
    const term = order[at] ?? 0
    termHashes[2 * at] = hashes[2 * term] ?? 0
    termHashes[2 * at + 1] = hashes[2 * term + 1] ?? 0
    writer.write(lists, lists.starts[term] ?? 0, lists.starts[term + 1] ?? 0)
    starts[at + 1] = writer.length
  }
  return { termHashes, postings: { starts, values: writer.bytes() } }
}

/** Texts whose units are in the order of their UTF-8 bytes, too: those without surrogates. */
const IN_PLANE_0 = /^[^\ud800-\udfff]*$/

/** `order` gives the text of each term. */
function listWords(texts: readonly string[], order: Uint32Array): WordList {
  const termOf = new Map<string, number>()
  for (const [term, text] of order.entries()) termOf.set(texts[text] ?? '', term)
  const sorted = texts.every((text) => IN_PLANE_0.test(text))
    ? texts.toSorted()
    : texts.toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
  const writer = createWordListWriter(8 * sorted.length)
  const bytes = Buffer.alloc(256)
  for (const text of sorted) writer.add(bytes, bytes.write(text), termOf.get(text) ?? 0)
  return writer.finish()
}
