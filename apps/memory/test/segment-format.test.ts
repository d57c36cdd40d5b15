import { createHash, randomUUID } from 'node:crypto'
import type { JsonValue } from '@memoric/contracts/text.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { buildSegment } from '../src/search/build-segment.ts'
import { containsJson } from '../src/search/contains-json.ts'
import { testsOf } from '../src/search/document-tests.ts'
import { type IndexDocument, indexDocument } from '../src/search/index-document.ts'
import { findId, idAt, idWords, writeId } from '../src/search/memory-ids.ts'
import { mergeSegments } from '../src/search/merge-segments.ts'
import { openSegment } from '../src/search/open-segment.ts'
import { countPostings, createPostingsBuffer, createPostingsWriter, readPostings } from '../src/search/postings.ts'
import { ALIGNMENT, FORMAT, HEADER, NUMBER_COLUMNS, type Segment, SegmentError } from '../src/search/segment-format.ts'
import { findTerm } from '../src/search/segment-terms.ts'
import { createStringTable, findString, stringAt } from '../src/search/string-table.ts'
import { termFinder } from '../src/search/query-terms.ts'
import { createTermSeed, hashTerm } from '../src/search/term-hash.ts'
import { termsWithPrefix } from '../src/search/word-list.ts'
import { json, metadata } from './random-memories.ts'

const seed = createTermSeed()

function documentOf(content: string, more: Partial<IndexDocument> = {}): IndexDocument {
  const at = new Date('2026-01-01')
  const row = {
    id: randomUUID(),
    namespace: 'default',
    thread_id: null,
    session_id: null,
    seq: 1,
    change: 1,
    version: 1,
    tier: 'short_term' as const,
    importance: 0.5,
    seen_count: 1,
    trust: 1,
    standing: 1,
    occurred_at: at,
    created_at: at,
    updated_at: at,
    expires_at: null,
    sealed: Buffer.alloc(0),
  }
  const bare = { role: null, speaker: null, topic: null, category: null, entities: [], tags: [], metadata: {} }
  return { ...indexDocument(row as never, { ...bare, content }), ...more }
}

function segmentOf(documents: readonly IndexDocument[]): Segment {
  return buildSegment(documents, seed, { fromChange: 0, toChange: documents.length })
}

describe('hashes of terms', () => {
  const hashed = (text: string, by = seed): string => {
    const hash = new Uint32Array(2)
    hashTerm(by, text, hash)
    return hash.join()
  }

  test('are different for different terms, in each half about as often as chance has it', () => {
    const terms = Array.from({ length: 200_000 }, (_, at) => `${at % 2 === 0 ? 'term' : ''}${at.toString(36)}`)
    const whole = new Set(terms.map((term) => hashed(term)))
    expect(whole.size).toBe(terms.length)
    for (const half of [0, 1]) {
      const halves = new Set([...whole].map((hash) => hash.split(',')[half]))
      // 200,000 numbers of 32 bits: about five are there twice.
      expect(terms.length - halves.size).toBeLessThan(30)
    }
  })

  test('change about half of their bits with any bit of a term or of the seed', () => {
    const bits = (text: string, by = seed) => {
      const hash = new Uint32Array(2)
      hashTerm(by, text, hash)
      return [...hash].flatMap((word) => Array.from({ length: 32 }, (_, bit) => (word >>> bit) & 1))
    }
    let changed = 0
    for (let round = 0; round < 2000; round++) {
      const [one, other] = [bits(`ab${round}cd`), bits(`ab${round}ce`)]
      changed += one.filter((bit, at) => bit !== other[at]).length
    }
    expect(changed / 2000 / 64).toBeGreaterThan(0.48)
    expect(changed / 2000 / 64).toBeLessThan(0.52)
  })

  test('depend on the seed, so that nobody outside can make terms collide', () => {
    for (let word = 0; word < seed.length; word++) {
      const other = seed.slice()
      other[word] = (other[word] ?? 0) ^ 1
      expect(hashed('tea', other)).not.toBe(hashed('tea'))
    }
    expect(hashed('')).not.toBe(hashed('\0'))
  })
})

test('postings come back as they were written', () => {
  const list = fc
    .uniqueArray(fc.tuple(fc.nat(70_000), fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 20_000 }))), {
      selector: ([document]) => document,
      maxLength: 300,
    })
    .map((pairs) => pairs.toSorted((one, other) => one[0] - other[0]))
  fc.assert(
    fc.property(fc.array(list, { maxLength: 8 }), (lists) => {
      const writer = createPostingsWriter(1)
      const buffer = createPostingsBuffer(300)
      const starts = lists.map((pairs) => {
        const start = writer.length
        const [documents, frequencies] = [0, 1].map((at) => Uint32Array.from(pairs, (pair) => pair[at] ?? 0))
        writer.write({ documents: documents!, frequencies: frequencies! }, 0, pairs.length)
        return start
      })
      const bytes = writer.bytes()
      for (const [at, pairs] of lists.entries()) {
        expect(countPostings(bytes, starts[at]!)).toBe(pairs.length)
        const count = readPostings(bytes, starts[at]!, buffer)
        const read = Array.from({ length: count }, (_, place) => [buffer.documents[place], buffer.frequencies[place]])
        expect(read).toEqual(pairs)
      }
    }),
  )
})

test('ids come back as they were written, are found, and sort as their texts do', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.uuid(), { minLength: 1, maxLength: 50 }), (ids) => {
      const sorted = ids.toSorted()
      const words = new Uint32Array(4 * sorted.length)
      for (const [at, id] of sorted.entries()) writeId(words, at, id)
      for (const [at, id] of sorted.entries()) {
        expect(idAt(words, at)).toBe(id)
        expect(findId(words, idWords(id))).toBe(at)
      }
      expect(findId(words, idWords(randomUUID()))).toBe(-1)
    }),
  )
})

test('words are found by how they begin, and nothing else is', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', 'b', 'é', '東', '\u{1f600}', '\uffee'),
    minLength: 1,
    maxLength: 5,
  })
  const written = (documents: readonly string[]): Segment =>
    segmentOf(documents.map((content) => ({ ...documentOf('x'), terms: content.split(' ') })))
  const countOf = (segment: Segment, term: string): number[] => [...termFinder(seed, term)(segment).terms]
  fc.assert(
    fc.property(fc.uniqueArray(text, { minLength: 1, maxLength: 60 }), text, fc.nat(3), (texts, prefix, parts) => {
      const sources = Array.from({ length: parts + 1 }, (_, part) => {
        const own = texts.filter((_, at) => at % (parts + 1) === part || at % 7 === 0)
        return written(own.length === 0 ? ['x'] : [own.join(' '), own.slice(1).join(' ') || 'x'])
      })
      for (const segment of [
        ...sources,
        mergeSegments(sources.map((each) => ({ segment: each, dead: new Uint8Array(2) }))),
      ]) {
        const known = texts.filter((each) => countOf(segment, each).length > 0)
        const expected = known.filter((each) => each.startsWith(prefix)).flatMap((each) => countOf(segment, each))
        expect(termsWithPrefix(segment.words, Buffer.from(prefix)).toSorted()).toEqual(expected.toSorted())
      }
      // Of each segment one of its two documents is left.
      const halves = sources.map((segment, at) => ({ segment, dead: Uint8Array.of(at % 2, 1 - (at % 2)) }))
      const half = mergeSegments(halves)
      const left = texts.filter((each) => countOf(half, each).length > 0)
      const begin = left.filter((each) => each.startsWith(prefix)).flatMap((each) => countOf(half, each))
      expect(termsWithPrefix(half.words, Buffer.from(prefix)).toSorted()).toEqual(begin.toSorted())
      const dead = sources.map((segment) => ({ segment, dead: Uint8Array.of(1, 1) }))
      expect(mergeSegments(dead).words.values).toHaveLength(0)
    }),
    { numRuns: 200 },
  )
})

test('strings are found by exactly their own text', () => {
  const text = fc.string({ unit: 'binary', maxLength: 6 }).map((any) => any.toWellFormed())
  fc.assert(
    fc.property(fc.uniqueArray(text, { maxLength: 40 }), fc.array(text), (texts, others) => {
      const table = createStringTable()
      for (const each of texts) table.number(each)
      const { strings } = table.finish()
      const ragged = { starts: strings.starts, values: Buffer.from(strings.values) }
      for (const each of texts) expect(stringAt(ragged, findString(ragged, each))).toBe(each)
      for (const other of others) if (!texts.includes(other)) expect(findString(ragged, other)).toBe(0)
    }),
  )
})

describe('metadata', () => {
  /** Something that the value contains: some members, some elements, or the scalar itself. */
  const partOf = (whole: JsonValue): fc.Arbitrary<JsonValue> => {
    if (Array.isArray(whole)) {
      return fc
        .subarray(whole)
        .chain((some) => fc.tuple(...some.map(partOf)))
        .map((parts) => [...parts].reverse())
    }
    if (typeof whole !== 'object' || whole === null) return fc.constant(whole)
    return fc
      .subarray(Object.keys(whole))
      .chain((keys) => fc.tuple(...keys.map((key) => partOf(whole[key] ?? null).map((part) => [key, part] as const))))
      .map((members) => Object.fromEntries(members))
  }
  const passes = (whole: Record<string, JsonValue>, part: JsonValue): boolean => {
    const attributes = { content: 'x', role: null, speaker: null, topic: null, category: null, entities: [], tags: [] }
    const row = { ...documentOf('x'), occurred_at: new Date(), created_at: new Date(), updated_at: new Date() }
    const more = { expires_at: null, namespace: 'n', thread_id: null, session_id: null, tier: 'short_term', seq: 1 }
    const document = indexDocument({ ...row, ...more, seen_count: 1 } as never, { ...attributes, metadata: whole })
    const filters = { metadata: part as Record<string, JsonValue> }
    const request = { top_k: 10, explain: false, filters }
    return testsOf(segmentOf([document]), request, 'subject').every((test) => test(0))
  }

  test('are found by all that they contain, and by nothing else', () => {
    const both = metadata.chain((whole) => fc.tuple(fc.constant(whole), fc.oneof(partOf(whole), metadata)))
    fc.assert(
      fc.property(both, ([whole, part]) => {
        expect(passes(whole, part)).toBe(containsJson(whole, part))
      }),
      { numRuns: 2000 },
    )
    fc.assert(fc.property(metadata, (whole) => passes(whole, whole)))
  })

  test('are told apart where they look alike', () => {
    expect(passes({ a: [{ b: 1 }, { c: 2 }] }, { a: [{ b: 1, c: 2 }] })).toBe(false)
    expect(passes({ a: [{ b: 1, c: 2 }] }, { a: [{ c: 2, b: 1 }] })).toBe(true)
    expect(passes({ a: [[1], [2]] }, { a: [[1, 2]] })).toBe(false)
    expect(passes({ 'a.b': 1 }, { a: { b: 1 } })).toBe(false)
    expect(passes({ a: '1' }, { a: 1 })).toBe(false)
    expect(passes({ a: null }, { a: {} })).toBe(false)
    expect(passes({ a: [] }, { a: [] })).toBe(true)
    expect(passes({ a: {} }, { a: [] })).toBe(false)
    expect(passes({ a: 1 }, {})).toBe(true)
  })

  test('of more leaves than are indexed, of long keys and values, and 30 levels deep are found', () => {
    const many = { list: Array.from({ length: 2000 }, (_, at) => at) }
    expect(passes(many, { list: [1999] })).toBe(true)
    expect(passes(many, { list: [2000] })).toBe(false)
    expect(passes(many, many)).toBe(true)
    const long = { ['k'.repeat(500)]: { v: 'x'.repeat(5000) } }
    expect(passes(long, long)).toBe(true)
    expect(passes(long, { ['k'.repeat(500)]: { v: 'x'.repeat(4999) } })).toBe(false)
    const deep = (leaf: number) => Array.from({ length: 30 }).reduce<JsonValue>((inner) => ({ deep: inner }), leaf)
    expect(passes({ deep: deep(1) }, { deep: deep(1) })).toBe(true)
    expect(passes({ deep: deep(1) }, { deep: deep(2) })).toBe(false)
  })

  test('any JSON is a value of them', () => {
    fc.assert(fc.property(json, (value) => passes({ value }, { value })))
  })
})

describe('the bytes of a segment', () => {
  const segment = segmentOf([documentOf('tea with milk'), documentOf('coffee', { speaker: 'ada', tags: ['hot'] })])

  test('hold nothing that has to be read before it is used: every section is aligned and within them', () => {
    const { buffer, byteOffset, length } = segment.bytes
    const table = new Uint32Array(buffer, byteOffset + HEADER.sections, 2)
    expect(table[0]! % ALIGNMENT).toBe(0)
    expect(length % ALIGNMENT).toBe(0)
    for (const name of NUMBER_COLUMNS) expect(segment.numbers[name].values.buffer).toBe(buffer)
    expect(segment.postings.values.buffer).toBe(buffer)
  })

  test('are the same when they are opened at any place in memory', () => {
    for (const offset of [0, 1, 8, 13]) {
      const elsewhere = new Uint8Array(segment.bytes.length + offset)
      elsewhere.set(segment.bytes, offset)
      const opened = openSegment(elsewhere.subarray(offset))
      expect(Buffer.compare(opened.bytes, segment.bytes)).toBe(0)
      expect(opened.documents).toBe(2)
      const hash = new Uint32Array(2)
      hashTerm(opened.seed, 'milk', hash)
      expect(findTerm(opened, hash)).toBeGreaterThan(-1)
    }
  })

  test('of another format, or cut off, are refused', () => {
    const changed = (offset: number, value: number) => {
      const copy = new Uint8Array(segment.bytes)
      copy[offset] = value
      return copy
    }
    const reasonOf = (bytes: Uint8Array): unknown => {
      try {
        openSegment(bytes)
        return undefined
      } catch (error) {
        return error instanceof SegmentError ? error.reason : error
      }
    }
    expect(reasonOf(segment.bytes)).toBe(undefined)
    expect(reasonOf(changed(HEADER.format, FORMAT + 1))).toBe('format')
    expect(reasonOf(changed(HEADER.magic, 0))).toBe('format')
    expect(reasonOf(changed(HEADER.sections, 1))).toBe('damaged')
    expect(reasonOf(changed(HEADER.sections + 3, 0xff))).toBe('damaged')
    for (const length of [0, 7, HEADER.sections, 300, segment.bytes.length - 8]) {
      expect(reasonOf(segment.bytes.slice(0, length))).toBe('damaged')
    }
  })

  test('hold a value once that all documents have', () => {
    const same = Array.from({ length: 100 }, (_, at) => documentOf(`note ${at % 10}`))
    const different = same.map((document, at) => ({ ...document, seenCount: at, speaker: `s${at}` }))
    expect(segmentOf(same).numbers.seenCount).toMatchObject({ mask: 0 })
    expect(segmentOf(different).numbers.seenCount).toMatchObject({ mask: -1 })
    expect(segmentOf(different).bytes.length - segmentOf(same).bytes.length).toBeGreaterThan(800)
  })

  test('of a format never change: what changes them, or makes other terms or labels, needs another FORMAT', () => {
    const [one, other] = ['0198c0de-0000-7000-8000-000000000001', '0198c0de-0000-7000-8000-0000000000ff']
    const documents = [
      documentOf("The user's drinks: straße, 東京, don't 42", {
        id: other,
        seenCount: 3,
        thread: 't1',
        expiresAt: 1_800_000_000_000,
      }),
      documentOf('tea tea drinking', {
        id: one,
        speaker: 'ada',
        tags: ['hot', 'leaf'],
        leaves: ['."a"=1'],
        metadata: '{"a":1}',
      }),
    ]
    const frozen = buildSegment(documents, Uint32Array.of(1, 2, 3, 4), { fromChange: 7, toChange: 9 })
    const digest = createHash('sha256').update(frozen.bytes).digest('hex')
    expect([FORMAT, frozen.bytes.length, digest]).toEqual([
      3,
      944,
      '766276c44cff4cdc0be22804f1cc37517e1db5b033bd22fdcd2b8c4cfc3ed764',
    ])
  })

  test('can be of no documents, and merged with others then', () => {
    const empty = segmentOf([])
    expect([empty.documents, empty.totalLength, empty.earliestExpiry]).toEqual([0, 0, Infinity])
    const sources = [empty, segment].map((each) => ({ segment: each, dead: new Uint8Array(each.documents) }))
    expect(mergeSegments(sources).ids).toEqual(segment.ids)
    const dead = { segment, dead: new Uint8Array([1, 1]) }
    expect(mergeSegments([dead]).bytes.length).toBe(empty.bytes.length)
  })
})
