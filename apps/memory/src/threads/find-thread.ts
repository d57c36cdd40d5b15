import type { Caller } from '@memoric/contracts/caller.ts'
import { DEFAULT_SUBJECT } from '@memoric/contracts/memory-contract.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { requireNamespace, subjectFor } from '@memoric/service/caller-limits.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { requireProcessing } from '../privacy/consent-rules.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { type GatherOptions, gatherThreads, type ThreadFacts } from './gather-threads.ts'

/** Which thread a request names. */
export interface ThreadQuery {
  readonly subject_id?: string | undefined
  readonly namespace?: string | undefined
}

/** A thread, and whose it is. */
export interface FoundThread {
  readonly place: SubjectPlace
  readonly facts: ThreadFacts
}

/** Whose threads a request is about. Throws AppError `subject_not_allowed`, `namespace_not_allowed`, `consent_withdrawn`. */
export async function subjectOfThreads(deps: MemoryDeps, caller: Caller, query: ThreadQuery): Promise<SubjectPlace> {
  const place = placeOfThreads(caller, query)
  await deps.keys.forReading(place.tenantId, place.subjectId, requireProcessing)
  return place
}

function placeOfThreads(caller: Caller, { subject_id, namespace }: ThreadQuery): SubjectPlace {
  const subjectId = subjectFor(caller, subject_id, DEFAULT_SUBJECT)
  if (namespace !== undefined) requireNamespace(caller, namespace)
  return { tenantId: caller.tenantId, subjectId }
}

/** What a caller may see of threads now. */
export function gathering(
  deps: MemoryDeps,
  { namespaces }: Caller,
  more: Pick<GatherOptions, 'namespace' | 'threadId'>,
): GatherOptions {
  return { namespaces, now: deps.now().getTime(), ...more }
}

/** Throws AppError `thread_not_found`, `thread_ambiguous`, and as subjectOfThreads. */
export async function findThread(
  deps: MemoryDeps,
  caller: Caller,
  threadId: string,
  query: ThreadQuery,
): Promise<FoundThread> {
  return locate(deps, caller, await subjectOfThreads(deps, caller, query), threadId, query)
}

/** As findThread, but also when consent was withdrawn: what may not be read may be deleted. */
export function findThreadToDelete(
  deps: MemoryDeps,
  caller: Caller,
  threadId: string,
  query: ThreadQuery,
): Promise<FoundThread> {
  return locate(deps, caller, placeOfThreads(caller, query), threadId, query)
}

async function locate(
  deps: MemoryDeps,
  caller: Caller,
  place: SubjectPlace,
  threadId: string,
  query: ThreadQuery,
): Promise<FoundThread> {
  const options = gathering(deps, caller, { namespace: query.namespace, threadId })
  const [facts, ...others] = await deps.indexes.use(place, (index) => gatherThreads(index, options))
  if (facts === undefined) throw new AppError('thread_not_found')
  if (others.length > 0) {
    const names = [facts, ...others].map(({ namespace }) => namespace).toSorted()
    throw new AppError('thread_ambiguous', { detail: `it is in the namespaces ${names.join(', ')}` })
  }
  return { place, facts }
}
