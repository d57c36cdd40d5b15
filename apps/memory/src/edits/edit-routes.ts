import type { Handlers } from '@memoric/service/implement-routes.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { decideEdit } from './decide-edit.ts'
import { getEdit } from './get-edit.ts'
import { listEdits } from './list-edits.ts'
import { proposeEdit } from './propose-edit.ts'

type EditOperation = 'proposeEdit' | 'listEdits' | 'getEdit' | 'approveEdit' | 'rejectEdit' | 'undoEdit'

/** Handlers of the routes under /v1/edits. */
export function editHandlers(deps: MemoryDeps): Pick<Handlers<'memory'>, EditOperation> {
  return {
    proposeEdit: (call) => proposeEdit(deps, call),
    listEdits: (call) => listEdits(deps, call),
    getEdit: (call) => getEdit(deps, call),
    approveEdit: async ({ params, body, context }) => {
      const decision = { id: params.id, to: 'approved', reason: body.reason ?? null } as const
      return { status: 200, body: await decideEdit(deps, context, decision) }
    },
    rejectEdit: async ({ params, body, context }) => {
      const decision = { id: params.id, to: 'rejected', reason: body.reason ?? null } as const
      return { status: 200, body: await decideEdit(deps, context, decision) }
    },
    undoEdit: async ({ params, body, context }) => {
      const decision = { id: params.id, to: 'undone', reason: body.reason ?? null } as const
      return { status: 200, body: await decideEdit(deps, context, decision) }
    },
  }
}
