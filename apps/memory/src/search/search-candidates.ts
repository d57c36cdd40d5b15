import type { AllowList } from '@memoric/contracts/caller.ts'
import type { SearchRequest, SearchScope } from '@memoric/contracts/search-contract.ts'
import { archiveTests } from './archived-threads.ts'
import { allowedNamespaces, type DocumentTest, testsOf } from './document-tests.ts'
import type { IndexPart } from './index-part.ts'
import { EMPTY_QUERY, type Query } from './parse-query.ts'
import { queryTests } from './query-tests.ts'
import type { Segment } from './segment-format.ts'
import type { SubjectIndex } from './subject-index.ts'
import type { TermSeed } from './term-hash.ts'

/** Which documents of a part a search looks at. */
export interface PartCandidates {
  readonly part: IndexPart
  /** HIDDEN, VISIBLE or ELIGIBLE for each document; null when all are eligible. */
  readonly state: Uint8Array | null
  readonly visible: number
  readonly eligible: number
  /** Words in the visible documents together. */
  readonly visibleLength: number
}

/** Which memories a search looks at. */
export interface Candidates {
  readonly seed: TermSeed
  readonly parts: readonly PartCandidates[]
  /** Memories that the caller may see, whose words weigh in the statistics. */
  readonly visible: number
  /** Words in the visible memories together. */
  readonly visibleLength: number
  /** Memories that also pass scope, filters and what the query asks of each. */
  readonly eligible: number
}

const HIDDEN = 0
export const VISIBLE = 1
export const ELIGIBLE = 2

/** Sorts the memories of an index into hidden, visible and eligible ones. `now` in ms since the epoch. */
export function selectCandidates(
  index: SubjectIndex,
  namespaces: AllowList,
  request: SearchRequest,
  scope: SearchScope,
  now: number,
  query: Query = EMPTY_QUERY,
  archived?: ReadonlySet<string>,
): Candidates {
  const parts = index.parts.map((part) => {
    const tests = [
      ...testsOf(part.segment, request, scope),
      ...queryTests(part.segment, query),
      ...archiveTests(part.segment, archived),
    ]
    return selectInPart(part, namespaces, tests, now)
  })
  const sum = (read: (part: PartCandidates) => number) => parts.reduce((total, part) => total + read(part), 0)
  return {
    seed: index.seed,
    parts,
    visible: sum(({ visible }) => visible),
    visibleLength: sum(({ visibleLength }) => visibleLength),
    eligible: sum(({ eligible }) => eligible),
  }
}

function selectInPart(
  part: IndexPart,
  namespaces: AllowList,
  tests: readonly DocumentTest[],
  now: number,
): PartCandidates {
  const seesAll =
    part.deaths === 0 &&
    part.segment.earliestExpiry > now &&
    standsWhole(part.segment) &&
    isWhollyAllowed(part.segment, namespaces)
  if (seesAll && tests.length === 0) return whole(part, null)
  const state = new Uint8Array(part.segment.documents).fill(tests.length === 0 ? ELIGIBLE : VISIBLE)
  const seen = seesAll ? whole(part, state) : hide(part, state, namespaces, now)
  return tests.length === 0 ? seen : { ...seen, eligible: markEligible(state, tests) }
}

/** Often none of the documents of a segment is attenuated or withheld. */
function standsWhole({ numbers: { standing } }: Segment): boolean {
  return standing.mask === 0 && standing.values[0] !== 0
}

/** Often all documents of a segment are in one namespace. */
function isWhollyAllowed(segment: Segment, namespaces: AllowList): boolean {
  if (namespaces === '*') return true
  return segment.numbers.namespace.mask === 0 && allowedNamespaces(segment, namespaces)(0)
}

function whole(part: IndexPart, state: Uint8Array | null): PartCandidates {
  const { documents, totalLength } = part.segment
  return { part, state, visible: documents, eligible: documents, visibleLength: totalLength }
}

/** Hides what is dead, has expired, is withheld, or is in a namespace that the caller may not see. */
function hide(part: IndexPart, state: Uint8Array, namespaces: AllowList, now: number): PartCandidates {
  const { segment, dead } = part
  const { expiresAt } = segment.times
  const { length, standing } = segment.numbers
  const isAllowed = allowedNamespaces(segment, namespaces)
  let visible = 0
  let visibleLength = 0
  for (let document = 0; document < state.length; document++) {
    const hasExpired = (expiresAt.values[document & expiresAt.mask] ?? 0) <= now
    const isWithheld = standing.values[document & standing.mask] === 0
    if (dead[document] === 1 || hasExpired || isWithheld || !isAllowed(document)) {
      state[document] = HIDDEN
      continue
    }
    visible += 1
    visibleLength += length.values[document & length.mask] ?? 0
  }
  return { part, state, visible, visibleLength, eligible: visible }
}

function markEligible(state: Uint8Array, tests: readonly DocumentTest[]): number {
  let eligible = 0
  for (let document = 0; document < state.length; document++) {
    if (state[document] !== VISIBLE || !tests.every((test) => test(document))) continue
    state[document] = ELIGIBLE
    eligible += 1
  }
  return eligible
}
