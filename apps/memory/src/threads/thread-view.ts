import type { Thread } from '@memoric/contracts/thread-contract.ts'
import type { Caller } from '@memoric/contracts/caller.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { scopeOf } from '../caller-scope.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { mostOften, type ThreadFacts } from './gather-threads.ts'
import { selectThreads, type ThreadName, type ThreadRow } from './thread-repository.ts'
import { openTitle } from './title-box.ts'

/** Topics that are shown of a thread. */
const TOPICS = 5

/** Threads as callers see them, in their order. */
export async function threadViews(
  deps: MemoryDeps,
  caller: Caller,
  place: SubjectPlace,
  threads: readonly ThreadFacts[],
): Promise<Thread[]> {
  if (threads.length === 0) return []
  const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [selectThreads(tx, place, threads)])
  const stored = new Map(rows.map((row) => [keyOf({ namespace: row.namespace, threadId: row.thread_id }), row]))
  return deps.keys.forReading(place.tenantId, place.subjectId, (keys) => {
    return threads.map((facts) => threadView(keys, place, facts, stored.get(keyOf(facts))))
  })
}

export function threadView(
  keys: SubjectKeys | null,
  place: SubjectPlace,
  facts: ThreadFacts,
  row: ThreadRow | undefined,
): Thread {
  return {
    thread_id: facts.threadId,
    subject_id: place.subjectId,
    namespace: facts.namespace,
    title: titleOf(keys, place, row),
    memories: facts.memories,
    first_activity_at: new Date(facts.firstAt).toISOString(),
    last_activity_at: new Date(facts.lastAt).toISOString(),
    topics: mostOften(facts.topics, TOPICS),
    archived_at: row?.archived_at?.toISOString() ?? null,
  }
}

export function titleOf(keys: SubjectKeys | null, place: SubjectPlace, row: ThreadRow | undefined): string | null {
  if (keys === null || row === undefined || row.sealed === null) return null
  return openTitle(keys, { ...place, ...row }, row.sealed)
}

function keyOf({ namespace, threadId }: ThreadName): string {
  return `${namespace}\n${threadId}`
}
