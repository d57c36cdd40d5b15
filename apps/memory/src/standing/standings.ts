import type { Caller } from '@memoric/contracts/caller.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { memoryStanding } from '../edits/memory-standing.ts'

/**
 * How far some memories, or the handoffs with their ids, are to be believed: 0 withholds one, less than 1 makes it weigh less; what is
 * not named stands as it is.
 */
export type Standing = (
  deps: MemoryDeps,
  caller: Caller,
  place: SubjectPlace,
  ids: readonly string[],
) => Promise<ReadonlyMap<string, number>>

/** What decides about the standing of memories: each by itself, and all of them together by their product. */
export const STANDINGS: readonly Standing[] = [memoryStanding]

/** Asks for the standing of ids; 1 for what nobody has something against. */
export async function standingOf(
  deps: MemoryDeps,
  caller: Caller,
  place: SubjectPlace,
  ids: readonly string[],
  standings: readonly Standing[] = STANDINGS,
): Promise<(id: string) => number> {
  if (ids.length === 0) return () => 1
  const answers = await Promise.all(standings.map((standing) => standing(deps, caller, place, ids)))
  return (id) => answers.reduce((factor, answer) => factor * (answer.get(id) ?? 1), 1)
}
