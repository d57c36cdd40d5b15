import type { Handlers } from '@memoric/service/implement-routes.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { createEdge } from './create-edge.ts'
import { deleteEdge } from './delete-edge.ts'
import { listEdges, listEdgesOfMemory } from './list-edges.ts'
import { traverseEdges } from './traverse-edges.ts'

type Operation = 'createEdge' | 'listEdges' | 'listEdgesOfMemory' | 'traverseEdges' | 'deleteEdge'

/** Handlers of the routes of edges. */
export function edgeHandlers(deps: MemoryDeps): Pick<Handlers<'memory'>, Operation> {
  return {
    createEdge: (call) => createEdge(deps, call),
    listEdges: (call) => listEdges(deps, call),
    listEdgesOfMemory: (call) => listEdgesOfMemory(deps, call),
    traverseEdges: (call) => traverseEdges(deps, call),
    deleteEdge: (call) => deleteEdge(deps, call),
  }
}
