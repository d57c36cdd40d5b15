import { compareIds, ID_WORDS } from './memory-ids.ts'
import type { Column, Ragged, Segment } from './segment-format.ts'

/** A segment of which some documents are dead: deleted, or replaced by a newer version elsewhere. */
export interface Source {
  readonly segment: Segment
  /** One byte a document; 1 for the dead. */
  readonly dead: Uint8Array
}

/** Where each document of a merged segment comes from, in the order of their ids. */
export interface Origins {
  /** Position of the source. */
  readonly sources: Uint32Array
  /** Number of the document there. */
  readonly documents: Uint32Array
}

/** Documents of a segment are fewer than this. */
const PLACES = 2 ** 24

/** The living documents of all sources. */
export function originsOf(sources: readonly Source[]): Origins {
  const places = sources.flatMap(({ dead }, source) => living(dead).map((document) => source * PLACES + document))
  const ids = sources.map(({ segment }) => segment.ids)
  const compare = (one: number, other: number): number =>
    compareIds(idsAt(ids, one), one % PLACES, idsAt(ids, other), other % PLACES)
  places.sort(compare)
  return {
    sources: Uint32Array.from(places, (place) => Math.floor(place / PLACES)),
    documents: Uint32Array.from(places, (place) => place % PLACES),
  }
}

function idsAt(ids: readonly Uint32Array[], place: number): Uint32Array {
  return ids[Math.floor(place / PLACES)] ?? new Uint32Array()
}

function living(dead: Uint8Array): number[] {
  const documents: number[] = []
  for (let document = 0; document < dead.length; document++) if (dead[document] === 0) documents.push(document)
  return documents
}

/** Fills `into` with the values of a column. */
export function gatherColumn<T extends Uint32Array | Float64Array>(
  { sources, documents }: Origins,
  columns: readonly Column<T>[],
  into: T,
): T {
  for (let at = 0; at < into.length; at++) {
    const column = columns[sources[at] ?? 0]
    if (column !== undefined) into[at] = column.values[(documents[at] ?? 0) & column.mask] ?? 0
  }
  return into
}

export function gatherIds({ sources, documents }: Origins, segments: readonly Segment[]): Uint32Array {
  const ids = new Uint32Array(documents.length * ID_WORDS)
  for (let at = 0; at < documents.length; at++) {
    const segment = segments[sources[at] ?? 0]
    const document = documents[at] ?? 0
    if (segment !== undefined)
      ids.set(segment.ids.subarray(document * ID_WORDS, (document + 1) * ID_WORDS), at * ID_WORDS)
  }
  return ids
}

/** Variable parts one after the other, in an array that `make` gives. */
export function gatherRagged<T extends Uint32Array | Uint8Array, M extends Uint32Array | Uint8Array>(
  { sources, documents }: Origins,
  parts: readonly Ragged<T>[],
  make: (length: number) => M,
): Ragged<M> {
  const starts = new Uint32Array(documents.length + 1)
  const partAt = (at: number): T | undefined => {
    const part = parts[sources[at] ?? 0]
    const document = documents[at] ?? 0
    // Parts of a source where all are empty have no starts.
    return part?.values.subarray(part.starts[document] ?? 0, part.starts[document + 1] ?? 0) as T | undefined
  }
  for (let at = 0; at < documents.length; at++) starts[at + 1] = (starts[at] ?? 0) + (partAt(at)?.length ?? 0)
  const values = make(starts.at(-1) ?? 0)
  for (let at = 0; at < documents.length; at++) values.set(partAt(at) ?? [], starts[at])
  return { starts, values }
}
