import { randomUUID } from 'node:crypto'
import type { AllowList } from '@memoric/contracts/caller.ts'
import type { Memory } from '@memoric/contracts/memory-contract.ts'
import { memoryId, tenantId } from '@memoric/contracts/ids.ts'
import { TRUST_LEVELS } from '@memoric/contracts/provenance-contract.ts'
import type { SearchRequest, SearchScope } from '@memoric/contracts/search-contract.ts'
import type { JsonValue } from '@memoric/contracts/text.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { countBegun } from '../src/search/begun-words.ts'
import { createPhraseCheck, needsTexts } from '../src/search/check-phrases.ts'
import { findDoubts } from '../src/search/doubtful-words.ts'
import { type IndexDocument, indexDocument } from '../src/search/index-document.ts'
import { createPart, markDead } from '../src/search/index-part.ts'
import { idAt } from '../src/search/memory-ids.ts'
import { mergeSegments } from '../src/search/merge-segments.ts'
import { openSegment } from '../src/search/open-segment.ts'
import { parseQuery } from '../src/search/parse-query.ts'
import { planStoring } from '../src/search/plan-storing.ts'
import { rank } from '../src/search/ranking.ts'
import { DEFAULT_POLICY, policyFor } from '../src/search/ranking-policy.ts'
import type { RankingRule } from '../src/search/ranking-rules.ts'
import { selectCandidates } from '../src/search/search-candidates.ts'
import { createSubjectIndex, type SubjectIndex } from '../src/search/subject-index.ts'
import { carryDeaths } from '../src/search/supersede.ts'
import { createTermSeed } from '../src/search/term-hash.ts'
import { bruteForceSearch } from './brute-force-search.ts'
import { type Drafted, drafted, NAMESPACES, request } from './random-memories.ts'

const NOW = Date.UTC(2026, 10, 21)

function memoryOf(draft: Drafted, seq: number, expires_at: string | null = null): Memory {
  const at = new Date(NOW).toISOString()
  return {
    ...draft,
    id: memoryId.parse(randomUUID()),
    tenant_id: tenantId.parse(randomUUID()),
    subject_id: 's',
    seq,
    version: 1,
    sentiment: null,
    enriched: [],
    seen_count: 1,
    created_at: at,
    updated_at: at,
    expires_at,
    ...standingAndTrust(seq),
  }
}

/** Some memories of each kind. */
function standingAndTrust(seq: number) {
  const factor = [1, 1, 0.5, 1, 0, 0.123456][seq % 6] ?? 1
  return {
    provenance: { written_by: null, key_id: null, source: null },
    trust: TRUST_LEVELS[seq % 3] ?? ('standard' as const),
    standing: factor === 0 ? ('retracted' as const) : ('current' as const),
    standing_factor: factor,
  }
}

function documentOf(memory: Memory): IndexDocument {
  const { metadata, ...rest } = memory
  const row = {
    ...rest,
    id: memoryId.parse(memory.id),
    change: 0,
    occurred_at: new Date(memory.occurred_at),
    created_at: new Date(memory.created_at),
    updated_at: new Date(memory.updated_at),
    expires_at: memory.expires_at === null ? null : new Date(memory.expires_at),
    summarised_by: null,
    trust: TRUST_LEVELS.indexOf(memory.trust),
    standing: memory.standing_factor,
    sealed: Buffer.alloc(0),
  }
  return indexDocument(row, { ...rest, metadata: metadata as Record<string, JsonValue> })
}

/** Searches an index; `memories` are those whose texts decide about phrases. */
function search(
  index: SubjectIndex,
  memories: ReadonlyMap<string, Memory>,
  namespaces: AllowList,
  asked: Partial<SearchRequest>,
  scope: SearchScope,
  rules: readonly RankingRule[] = [],
) {
  const whole = { explain: false, ...asked, top_k: asked.top_k ?? 10 }
  const parsed = parseQuery(whole.query ?? '')
  const doubts = findDoubts(selectCandidates(index, namespaces, whole, scope, NOW, parsed), parsed, 1000)
  const asBegun = [...parsed.prefixes, ...parsed.excluded.flatMap((each) => ('prefix' in each ? [each.prefix] : []))]
  const begun = new Map(doubts.ids.map((id) => [id, countBegun(memories.get(id)!, asBegun)]))
  const query = { ...parsed, begun }
  const policy = policyFor(whole, query.words.length + query.prefixes.length > 0, { ...DEFAULT_POLICY, rules })
  const candidates = selectCandidates(index, namespaces, whole, scope, NOW, query)
  const topK = needsTexts(query) ? 1000 : whole.top_k
  const ranked = rank(candidates, { query, policy, topK, now: NOW, explain: false })
  const passes = createPhraseCheck(query)
  const results = ranked.filter(({ id }) => {
    const memory = memories.get(id)
    return memory !== undefined && passes(memory)
  })
  return { searched: candidates.eligible, results: results.slice(0, whole.top_k) }
}

/** What happens to an index: memories come, change and go; parts are stored, and the stored are loaded again. */
type Step =
  | { readonly do: 'write'; readonly drafts: readonly Drafted[]; readonly expires: boolean }
  | { readonly do: 'change'; readonly which: readonly number[]; readonly draft: Drafted }
  | { readonly do: 'delete'; readonly which: readonly number[] }
  | { readonly do: 'store'; readonly from: number; readonly count: number }
  | { readonly do: 'reload' }

const which = fc.array(fc.nat(1000), { minLength: 1, maxLength: 3 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      drafts: fc.array(drafted, { minLength: 1, maxLength: 4 }),
      expires: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('change' as const), which, draft: drafted }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('store' as const), from: fc.nat(5), count: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reload' as const) }) },
)

/** An index beside the memories that it should hold. */
function createModel() {
  const memories = new Map<string, Memory>()
  let index = createSubjectIndex({ seed: createTermSeed() })
  let change = 0
  const picked = (numbers: readonly number[]): Memory[] => {
    const all = [...memories.values()]
    return [...new Set(numbers.map((number) => all[number % all.length]).filter((memory) => memory !== undefined))]
  }
  const put = (written: readonly Memory[]): void => {
    for (const memory of written) memories.set(memory.id, memory)
    index.take(written.map(documentOf), [], (change += written.length))
  }
  return {
    memories,
    index: () => index,
    apply(happens: Step): void {
      if (happens.do === 'write') {
        const expires_at = happens.expires ? new Date(NOW - 1).toISOString() : null
        put(happens.drafts.map((draft, at) => memoryOf(draft, change + at + 1, expires_at)))
      } else if (happens.do === 'change') {
        put(
          picked(happens.which).map((memory) => ({
            ...memory,
            ...happens.draft,
            version: memory.version + 1,
            seen_count: 2,
          })),
        )
      } else if (happens.do === 'delete') {
        const gone = picked(happens.which)
        for (const { id } of gone) memories.delete(id)
        index.take(
          [],
          gone.map(({ id }) => id),
          (change += gone.length),
        )
      } else if (happens.do === 'store') {
        const parts = index.parts.slice(happens.from, happens.from + happens.count + 1)
        if (parts.length > 0) index.replace(parts, createPart(mergeSegments(parts), { storedId: randomUUID() }))
      } else {
        // As another process finds them: deleted memories leave stored segments at once, replaced versions do not.
        const parts = index.parts.map(({ segment, storedId }) => {
          const dead = Uint8Array.from({ length: segment.documents }, (_, at) =>
            Number(!memories.has(idAt(segment.ids, at))),
          )
          return createPart(openSegment(mergeSegments([{ segment, dead }]).bytes), { storedId })
        })
        index = createSubjectIndex({ seed: index.seed, parts })
        index.take([], [], change)
      }
    },
  }
}

const namespaces = fc.oneof(fc.constant('*' as const), fc.subarray(NAMESPACES))
const amount = fc.constantFrom(0.2, 0.7, 1)
const ruleSet: fc.Arbitrary<RankingRule[]> = fc.array(
  fc.oneof(
    fc.record({ rule: fc.constant('topic_boost' as const), topic: fc.constantFrom('ada', 'Été', 'none'), amount }),
    fc.record({ rule: fc.constant('stale_penalty' as const), afterDays: fc.constantFrom(0, 100, 300), amount }),
    fc.record({ rule: fc.constant('entity_match' as const), amount }),
  ),
  { maxLength: 3 },
)
const scopeOf = ({ thread_id, topic }: Partial<SearchRequest>): SearchScope =>
  thread_id !== undefined ? 'thread' : topic !== undefined ? 'topic' : 'subject'

function expectSame(found: ReturnType<typeof search>, expected: ReturnType<typeof bruteForceSearch>): void {
  expect(found.searched).toBe(expected.searched)
  expect(found.results).toHaveLength(expected.results.length)
  // Sums are added up in another order: the last digits differ, and with them the order of what is equal.
  for (const [at, { score }] of expected.results.entries()) expect(found.results[at]?.score).toBeCloseTo(score, 9)
}

test('finds and scores exactly what a look at every memory does, whatever was written, changed, deleted, stored and loaded', () => {
  const searches = fc.array(fc.tuple(request, namespaces, ruleSet), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(fc.array(fc.tuple(step, searches), { maxLength: 14 }), (steps) => {
      const model = createModel()
      for (const [happens, asked] of steps) {
        model.apply(happens)
        expect(model.index().size).toBe(model.memories.size)
        for (const [what, allowed, rules] of asked) {
          const scope = scopeOf(what)
          const expected = bruteForceSearch([...model.memories.values()], allowed, what, scope, NOW, rules)
          expectSame(search(model.index(), model.memories, allowed, what, scope, rules), expected)
        }
      }
    }),
    { numRuns: 300 },
  )
})

test('answers to the last bit the same, however the memories lie in segments', () => {
  fc.assert(
    fc.property(
      fc.array(drafted, { minLength: 1, maxLength: 40 }),
      fc.array(fc.nat(6), { maxLength: 12 }),
      request,
      namespaces,
      (drafts, cuts, asked, allowed) => {
        const memories = drafts.map((draft, at) => memoryOf(draft, at + 1))
        const documents = memories.map(documentOf)
        const byId = new Map(memories.map((memory) => [memory.id, memory]))
        const whole = createSubjectIndex({ seed: createTermSeed() })
        whole.take(documents, [], documents.length)
        const cut = createSubjectIndex({ seed: createTermSeed() })
        for (let at = 0, next = 0; at < documents.length; next++) {
          const size = (cuts[next % cuts.length] ?? 40) + 1
          cut.take(documents.slice(at, at + size), [], (at += size))
          const [last] = cut.parts.slice(-1)
          if (last && next % 2 === 0) cut.replace([last], createPart(last.segment, { storedId: randomUUID() }))
        }
        const scope = scopeOf(asked)
        expect(search(cut, byId, allowed, asked, scope)).toEqual(search(whole, byId, allowed, asked, scope))
      },
    ),
  )
})

describe('what is stored', () => {
  const content = (text: string): Drafted => ({
    content: text,
    namespace: 'default',
    thread_id: null,
    session_id: null,
    role: null,
    speaker: null,
    topic: null,
    category: null,
    entities: [],
    tags: [],
    metadata: {},
    tier: 'short_term',
    importance: 0.5,
    occurred_at: new Date(NOW).toISOString(),
  })

  /** Writes memories, some together, and stores what is due, as one process does in the background. */
  function writeAll(index: SubjectIndex, memories: readonly Memory[], together = 1): number {
    let written = 0
    for (let at = 0; at < memories.length; at += together) {
      const batch = memories.slice(at, at + together)
      index.take(batch.map(documentOf), [], index.change + batch.length)
      for (let parts = planStoring(index); parts !== null; parts = planStoring(index)) {
        const segment = mergeSegments(parts)
        written += segment.documents
        index.replace(parts, createPart(segment, { storedId: randomUUID() }))
      }
    }
    return written
  }

  test('a thousand memories lie in a few segments, each was written at most three times, and the tail stays short', () => {
    const index = createSubjectIndex({ seed: createTermSeed() })
    const memories = Array.from({ length: 5000 }, (_, at) => memoryOf(content(`note ${at % 50}`), at + 1))
    expect(writeAll(index, memories)).toBeLessThan(3 * 5000)
    const stored = index.parts.filter(({ storedId }) => storedId !== null)
    expect(stored.length).toBeLessThan(1 + 8 + 4)
    const tail = index.parts.filter(({ storedId }) => storedId === null)
    expect(tail.reduce((sum, { segment }) => sum + segment.documents, 0)).toBeLessThan(128)
    expect(tail.length).toBeLessThan(9)
  })

  test('of fifty thousand memories the right ones are found', () => {
    const index = createSubjectIndex({ seed: createTermSeed() })
    const memories = Array.from({ length: 50_000 }, (_, at) => {
      const occurred_at = new Date(NOW - at * 3_600_000).toISOString()
      const text = `a${at % 7} b${at % 11} c${at % 1009} d${at} of ${at % 3 === 0 ? 'tea tea' : 'coffee'}`
      return memoryOf({ ...content(text), occurred_at, namespace: at % 5 === 0 ? 'work' : 'default' }, at + 1)
    })
    writeAll(index, memories, 500)
    expect(index.size).toBe(50_000)
    for (const query of ['d49999', 'd7 c7 tea', 'c500 b3 a2 coffee']) {
      for (const allowed of ['*' as const, ['work']]) {
        const asked = { query, top_k: 20 }
        const expected = bruteForceSearch(memories, allowed, asked, 'subject', NOW)
        expectSame(search(index, new Map(memories.map((each) => [each.id, each])), allowed, asked, 'subject'), expected)
      }
    }
  })

  test('memories that change over and over do not pile up', () => {
    const index = createSubjectIndex({ seed: createTermSeed() })
    const memories = Array.from({ length: 300 }, (_, at) => memoryOf(content(`note ${at}`), at + 1))
    for (let round = 0; round < 20; round++) writeAll(index, memories)
    expect(index.size).toBe(300)
    expect(index.parts.reduce((sum, { segment }) => sum + segment.documents, 0)).toBeLessThan(1200)
  })

  test('a large segment that is mostly dead is written anew', () => {
    const index = createSubjectIndex({ seed: createTermSeed() })
    const memories = Array.from({ length: 2500 }, (_, at) => memoryOf(content(`note ${at % 20}`), at + 1))
    writeAll(index, memories, 500)
    const changed = memories.slice(0, 1400)
    writeAll(index, changed, 500)
    expect(index.size).toBe(2500)
    expect(index.parts.reduce((sum, { segment }) => sum + segment.documents, 0)).toBeLessThan(3000)
  })

  test('what dies while parts are stored is dead in what was stored, and what died before is not', () => {
    const index = createSubjectIndex({ seed: createTermSeed() })
    const memories = Array.from({ length: 4 }, (_, at) => memoryOf(content(`note ${at}`), at + 1))
    index.take(memories.slice(0, 3).map(documentOf), [], 3)
    const [one] = index.parts
    index.replace([one!], createPart(one!.segment, { storedId: randomUUID() }))
    index.take([documentOf(memories[0]!), documentOf(memories[3]!)], [], 5)
    const parts = [...index.parts]
    const before = parts.map(({ dead }) => dead.slice())
    const merged = createPart(mergeSegments(parts))
    const documentIn = (part: (typeof parts)[number], { id }: Memory) =>
      Array.from({ length: part.segment.documents }, (_, at) => idAt(part.segment.ids, at)).indexOf(id)
    markDead(parts[0]!, documentIn(parts[0]!, memories[1]!))
    markDead(parts[1]!, documentIn(parts[1]!, memories[3]!))
    carryDeaths(parts, before, merged)
    expect(memories.map((memory) => merged.dead[documentIn(merged, memory)])).toEqual([0, 1, 0, 1])
  })

  test('nothing of a dead memory is in a merged segment', () => {
    const index = createSubjectIndex({ seed: createTermSeed() })
    const metadata = { bandicoot: 'potoroo' }
    const gone = memoryOf({ ...content('quokka'), tags: ['cassowary'], speaker: 'bilby', metadata }, 1)
    const stays = memoryOf(content('dugong'), 2)
    index.take([gone, stays].map(documentOf), [], 2)
    const textOf = () => index.parts.map((part) => Buffer.from(mergeSegments([part]).bytes).toString('latin1')).join()
    expect(textOf()).toMatch(/cassowary[^]*bandicoot|bandicoot[^]*cassowary/)
    const terms = () => index.parts.reduce((sum, part) => sum + mergeSegments([part]).termHashes.length / 2, 0)
    expect(terms()).toBe(4)
    index.take([], [gone.id], 3)
    expect(textOf()).not.toMatch(/cassowary|bilby|bandicoot|potoroo/)
    expect(terms()).toBe(1)
  })

  test('an index that is wiped holds nothing that could be read', () => {
    const index = createSubjectIndex({ seed: createTermSeed() })
    index.take([documentOf(memoryOf({ ...content('quokka'), speaker: 'bilby' }, 1))], [], 1)
    const [part] = index.parts
    index.wipe()
    expect(index.parts).toEqual([])
    expect(part?.segment.bytes.every((byte) => byte === 0)).toBe(true)
  })
})
