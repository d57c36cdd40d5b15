import type { Handlers } from '@memoric/service/implement-routes.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { deleteThread } from './delete-thread.ts'
import { getThread } from './get-thread.ts'
import { listThreads } from './list-threads.ts'
import { listRelatedThreads } from './related-threads.ts'
import { summariseThread } from './summarise-thread.ts'
import { updateThread } from './update-thread.ts'

type ThreadOperation =
  'listThreads' | 'getThread' | 'summariseThread' | 'listRelatedThreads' | 'updateThread' | 'deleteThread'

/** Handlers of the routes under /v1/threads. */
export function threadHandlers(deps: MemoryDeps): Pick<Handlers<'memory'>, ThreadOperation> {
  return {
    listThreads: (call) => listThreads(deps, call),
    getThread: (call) => getThread(deps, call),
    summariseThread: (call) => summariseThread(deps, call),
    listRelatedThreads: (call) => listRelatedThreads(deps, call),
    updateThread: (call) => updateThread(deps, call),
    deleteThread: (call) => deleteThread(deps, call),
  }
}
