import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { findThread } from './find-thread.ts'
import { threadViews } from './thread-view.ts'

type Get = RouteTable['getThread']

/** Throws as findThread. */
export async function getThread(deps: MemoryDeps, call: Call<Get>): Promise<RouteOutput<Get>> {
  const { params, query, context } = call
  const { place, facts } = await findThread(deps, context.caller, params.id, query)
  const [thread] = await threadViews(deps, context.caller, place, [facts])
  if (thread === undefined) throw new Error('a thread without a view')
  const details = { subject_id: place.subjectId, namespace: facts.namespace }
  deps.reads.record({ type: 'thread.read', context, resourceId: params.id, details })
  return { status: 200, body: thread }
}
