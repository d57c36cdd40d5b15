import type { AllowList } from '@memoric/contracts/caller.ts'
import type { SearchRequest, SearchScope } from '@memoric/contracts/search-contract.ts'
import { allows } from '@memoric/service/caller-limits.ts'
import { containsJson } from './contains-json.ts'
import type { IndexedMemory, SubjectIndex } from './subject-index.ts'

/** Which memories of an index a search looks at. `state[i]` is HIDDEN, VISIBLE or ELIGIBLE for document `i`. */
export interface Candidates {
  readonly state: Uint8Array
  /** Memories that the caller may see, whose words weigh in the statistics. */
  readonly visible: number
  /** Words in the visible memories together. */
  readonly visibleLength: number
  /** Memories that also pass scope and filters. */
  readonly eligible: number
}

const HIDDEN = 0
export const VISIBLE = 1
export const ELIGIBLE = 2

type Test = (memory: IndexedMemory) => boolean

/** Sorts the memories of an index into hidden, visible and eligible ones. `now` in ms since the epoch. */
export function selectCandidates(
  index: SubjectIndex,
  namespaces: AllowList,
  request: SearchRequest,
  scope: SearchScope,
  now: number,
): Candidates {
  const passes = all(testsOf(request, scope))
  const state = new Uint8Array(index.documents.length)
  let visible = 0
  let visibleLength = 0
  let eligible = 0
  for (const [number, memory] of index.documents.entries()) {
    if (memory === undefined || memory.expiresAt <= now || !allows(namespaces, memory.namespace)) {
      state[number] = HIDDEN
      continue
    }
    visible += 1
    visibleLength += memory.length
    const isEligible = passes(memory)
    state[number] = isEligible ? ELIGIBLE : VISIBLE
    if (isEligible) eligible += 1
  }
  return { state, visible, visibleLength, eligible }
}

function all(tests: readonly Test[]): Test {
  return (memory) => tests.every((test) => test(memory))
}

function testsOf({ namespace, thread_id, topic, filters = {} }: SearchRequest, scope: SearchScope): Test[] {
  const { after, before, tier, role, speaker, category, tags, metadata } = filters
  const tests: [unknown, Test][] = [
    [namespace, (memory) => memory.namespace === namespace],
    [scope === 'thread' ? thread_id : undefined, (memory) => memory.threadId === thread_id],
    [scope === 'topic' ? topic : undefined, (memory) => sameLabel(memory.topic, topic)],
    [after, atOrAfter(after)],
    [before, (memory) => !atOrAfter(before)(memory)],
    [tier, (memory) => memory.tier === tier],
    [role, (memory) => sameLabel(memory.role, role)],
    [speaker, (memory) => sameLabel(memory.speaker, speaker)],
    [category, (memory) => sameLabel(memory.category, category)],
    [tags, (memory) => tags?.every((tag) => memory.tags.some((own) => sameLabel(own, tag))) ?? true],
    [metadata, (memory) => metadata === undefined || containsJson(memory.metadata, metadata)],
  ]
  return tests.filter(([wanted]) => wanted !== undefined).map(([, test]) => test)
}

function atOrAfter(time: string | undefined): Test {
  const limit = time === undefined ? -Infinity : Date.parse(time)
  return (memory) => memory.occurredAt >= limit
}

/** Labels are compared without regard to case. */
function sameLabel(own: string | null, wanted: string | undefined): boolean {
  return own !== null && wanted !== undefined && own.toLowerCase() === wanted.toLowerCase()
}
