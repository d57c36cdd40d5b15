import { randomBytes } from 'node:crypto'
import { createKeyRing } from '../packages/crypto/src/key-ring.ts'
import { createSealingKey } from '../packages/crypto/src/sealed-box.ts'
import { uuidV7 } from '../packages/service/src/uuid-v7.ts'
import { buildSegment } from '../apps/memory/src/search/build-segment.ts'
import { indexDocument } from '../apps/memory/src/search/index-document.ts'
import { createPart, markDead } from '../apps/memory/src/search/index-part.ts'
import { mergeSegments } from '../apps/memory/src/search/merge-segments.ts'
import { EMPTY_QUERY, parseQuery, type Query } from '../apps/memory/src/search/parse-query.ts'
import { planStoring } from '../apps/memory/src/search/plan-storing.ts'
import { rank } from '../apps/memory/src/search/ranking.ts'
import { policyFor } from '../apps/memory/src/search/ranking-policy.ts'
import { sealSegment, unsealSegment } from '../apps/memory/src/search/seal-segment.ts'
import { selectCandidates } from '../apps/memory/src/search/search-candidates.ts'
import type { Segment } from '../apps/memory/src/search/segment-format.ts'
import type { SegmentRow } from '../apps/memory/src/search/segment-repository.ts'
import { createSubjectIndex, type SubjectIndex } from '../apps/memory/src/search/subject-index.ts'
import { createTermSeed } from '../apps/memory/src/search/term-hash.ts'
import { createRandom } from './fixtures/random.ts'
import { createTexts } from './fixtures/texts.ts'

// The search index alone, without HTTP and database: CPU time of building, storing, opening, searching and deleting. Memories and
// queries are those of `npm run bench`.

const sizes = [1000, 10_000, 50_000]
const batch = 500
const queries = 200
const rounds = 7
const now = Date.UTC(2026, 10, 21)
const place = { tenantId: '0198f3a2-7c1e-7d4b-9a51-3f6b2c8d9e01', subjectId: 'subject-42' }
const key = createSealingKey(1, randomBytes(32))
const keys = createKeyRing(key)

/** CPU time of this process, ms; that of its threads for garbage and compiling is in it. */
function cpuMs(work: () => void): number {
  const start = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1000
}

function medianMs(work: () => void): number {
  work()
  const costs = Array.from({ length: rounds }, () => cpuMs(work)).sort((one, other) => one - other)
  return costs[Math.floor(rounds / 2)] ?? 0
}

/** Memories of the last year, with the labels that a conversation has. */
function createDocuments(count: number) {
  const [texts, random] = [createTexts(count), createRandom(count)]
  return Array.from({ length: count }, (_, at) => {
    const time = new Date(now - Math.floor(random() * 365 * 86_400_000))
    const row = { id: uuidV7(), namespace: at % 10 === 0 ? 'work' : 'home', thread_id: `t${at >> 5}`, session_id: null }
    const counts = { seq: at + 1, change: at + 1, version: 1, tier: 'short_term', importance: 0.5, seen_count: 1 }
    const times = { occurred_at: time, created_at: time, updated_at: time, expires_at: null }
    const labels = { role: null, speaker: null, topic: null, category: null, entities: [], tags: [], metadata: {} }
    const attributes = { ...labels, content: texts.memory() }
    // The rest of a row is of no interest to the index.
    return () => indexDocument({ ...row, ...counts, ...times } as never, attributes)
  })
}

/** An index whose memories came in batches and were stored as one process stores them. */
function createIndex(documents: readonly ReturnType<typeof indexDocument>[]): SubjectIndex {
  const index = createSubjectIndex({ seed: createTermSeed() })
  for (let at = 0; at < documents.length; at += batch) {
    index.take(documents.slice(at, at + batch), [], Math.min(at + batch, documents.length))
    for (let parts = planStoring(index); parts !== null; parts = planStoring(index)) {
      index.replace(parts, createPart(mergeSegments(parts), { storedId: uuidV7() }))
    }
  }
  return index
}

function search(
  index: SubjectIndex,
  query: Query,
  namespaces: '*' | string[],
  weights: { context?: number } = {},
): void {
  const candidates = selectCandidates(index, namespaces, { top_k: 10, explain: false }, 'subject', now, query)
  const policy = policyFor({ weights }, query.words.length + query.prefixes.length > 0)
  rank(candidates, { query, policy, topK: 10, now, explain: false })
}

function sealAll(index: SubjectIndex): SegmentRow[] {
  return index.parts.map(({ segment }) => {
    const { segmentId, fromChange, toChange, format, sealed } = sealSegment(key, place, segment)
    return { segment_id: segmentId, from_change: fromChange, to_change: toChange, format, sealed }
  })
}

/** What a cold search does before it searches, but for reading the rows. */
function load(rows: readonly SegmentRow[], seed: SubjectIndex['seed']): void {
  const parts = rows.map((row) => {
    const segment = unsealSegment(keys, place, row)
    if (typeof segment === 'string') throw new Error(segment)
    return createPart(segment, { storedId: row.segment_id })
  })
  createSubjectIndex({ seed, parts })
}

function rewriteWithoutOne(segment: Segment): void {
  const part = createPart(segment)
  markDead(part, Math.floor(segment.documents / 2))
  sealSegment(key, place, mergeSegments([part]))
}

function print(name: string, value: number, unit: string): void {
  process.stdout.write(`  ${name.padEnd(48)} ${value.toFixed(3).padStart(10)} ${unit}\n`)
}

for (const size of sizes) {
  const makers = createDocuments(size)
  const documents = makers.map((make) => make())
  const sample = documents.slice(0, 2000)
  const [index, seed] = [createIndex(documents), createTermSeed()]
  const texts = createTexts(size + 1)
  const asked = Array.from({ length: queries }, () => parseQuery(texts.query(6).join(' ')))
  const each = (work: (query: Query) => void) => medianMs(() => asked.forEach(work)) / queries
  const rows = sealAll(index)
  const bytes = index.parts.reduce((sum, { segment }) => sum + segment.bytes.length, 0)

  process.stdout.write(`${size} memories in ${index.parts.length} segments\n`)
  print('size', bytes / size, 'bytes a memory')
  print(
    'words and labels',
    (medianMs(() => makers.slice(0, 2000).forEach((make) => make())) / sample.length) * 1000,
    'µs a memory',
  )
  print(
    'building',
    (medianMs(() => void buildSegment(sample, seed, { fromChange: 0, toChange: 1 })) / sample.length) * 1000,
    'µs a memory',
  )
  print(
    'merging',
    (medianMs(() => void mergeSegments(index.parts.slice(0, 1))) / (index.parts[0]?.segment.documents ?? 1)) * 1000,
    'µs a memory',
  )
  print(
    'opening all segments',
    medianMs(() => load(rows, index.seed)),
    'ms',
  )
  print(
    'search, 6 words, top 10',
    each((query) => search(index, query, '*')),
    'ms',
  )
  print(
    'search without context',
    each((query) => search(index, query, '*', { context: 0 })),
    'ms',
  )
  print(
    'search with a word, a prefix and an excluded word',
    each(({ words: [one = '', other = '', third = ''] }) => {
      search(index, parseQuery(`${one} ${other.slice(0, 3)}* -${third}`), '*')
    }),
    'ms',
  )
  print(
    'search by a credential of one namespace',
    each((query) => search(index, query, ['home'])),
    'ms',
  )
  print(
    'search without words',
    medianMs(() => search(index, EMPTY_QUERY, '*')),
    'ms',
  )
  print(
    'deleting a memory of a full segment',
    medianMs(() => index.parts.slice(0, 1).forEach(({ segment }) => rewriteWithoutOne(segment))),
    'ms',
  )
}
