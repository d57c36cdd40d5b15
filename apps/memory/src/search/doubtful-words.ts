import type { Caller } from '@memoric/contracts/caller.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { selectMemories } from '../memories/memory-read-repository.ts'
import { openRows } from '../memories/open-rows.ts'
import { type BegunWords, countBegun } from './begun-words.ts'
import { idAt } from './memory-ids.ts'
import type { Query } from './parse-query.ts'
import { stemsBefore } from './prefix-stems.ts'
import { createTermReader, doubtfulFinder } from './query-terms.ts'
import { type Candidates, ELIGIBLE, type PartCandidates, VISIBLE } from './search-candidates.ts'

/** Memories whose stems leave open whether they have a word that begins as a query says. */
export interface Doubts {
  /** The eligible first, then the newest. */
  readonly ids: readonly string[]
  /** There are more of them. */
  readonly isCut: boolean
}

interface Doubted {
  readonly id: string
  readonly occurredAt: number
  readonly isEligible: boolean
}

/** Memories whose texts are read at a time. */
const ROUND = 100

/** At most `most` memories. Those that are only visible weigh in the statistics of what is looked for, not in what is excluded. */
export function findDoubts(candidates: Candidates, query: Query, most: number): Doubts {
  const found = new Map<string, Doubted>()
  for (const prefix of query.prefixes) addDoubts(found, candidates, prefix, VISIBLE)
  for (const prefix of excludedPrefixes(query)) addDoubts(found, candidates, prefix, ELIGIBLE)
  const ids = [...found.values()].sort(compare).map(({ id }) => id)
  return { ids: ids.slice(0, most), isCut: ids.length > most }
}

/** Reads texts and tells which words of them begin as the query says. */
export async function readBegun(
  deps: MemoryDeps,
  caller: Caller,
  query: Query,
  ids: readonly string[],
): Promise<BegunWords> {
  const prefixes = [...query.prefixes, ...excludedPrefixes(query)]
  const begun = new Map<string, ReadonlyMap<string, number>>()
  for (let at = 0; at < ids.length; at += ROUND) {
    const some = ids.slice(at, at + ROUND)
    const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [selectMemories(tx, caller.tenantId, some)])
    for (const memory of await openRows(deps, rows)) begun.set(memory.id, countBegun(memory, prefixes))
  }
  return begun
}

function addDoubts(found: Map<string, Doubted>, { seed, parts }: Candidates, prefix: string, least: number): void {
  if (stemsBefore(prefix).length === 0) return
  const find = doubtfulFinder(seed, prefix)
  for (const candidate of parts) {
    const terms = find(candidate.part.segment)
    if (terms.length > 0) for (const each of doubtedIn(candidate, terms, least)) found.set(each.id, each)
  }
}

function doubtedIn({ part: { segment }, state }: PartCandidates, terms: readonly number[], least: number): Doubted[] {
  const reader = createTermReader(segment.documents)
  const count = reader.read(segment, { terms })
  const { values, mask } = segment.times.occurredAt
  return Array.from(reader.postings.documents.subarray(0, count)).flatMap((document) => {
    const standing = state?.[document] ?? ELIGIBLE
    if (standing < least) return []
    const occurredAt = values[document & mask] ?? 0
    return [{ id: idAt(segment.ids, document), occurredAt, isEligible: standing === ELIGIBLE }]
  })
}

function compare(one: Doubted, other: Doubted): number {
  return (
    Number(other.isEligible) - Number(one.isEligible) ||
    other.occurredAt - one.occurredAt ||
    (one.id < other.id ? -1 : 1)
  )
}

function excludedPrefixes({ excluded }: Query): string[] {
  return excluded.flatMap((each) => ('prefix' in each ? [each.prefix] : []))
}
