import type { Handlers } from '@memoric/service/implement-routes.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { createNote, supersedeNote } from '../notes/create-note.ts'
import { deleteNote } from '../notes/delete-note.ts'
import { getNote } from '../notes/get-note.ts'
import { listNotes } from '../notes/list-notes.ts'
import { decisionKind as kind, draftOfDecision } from './decision-kind.ts'

type Operation = 'createDecision' | 'listDecisions' | 'getDecision' | 'deleteDecision' | 'supersedeDecision'

/** Handlers of the routes under /v1/decisions. */
export function decisionHandlers(deps: MemoryDeps): Pick<Handlers<'memory'>, Operation> {
  return {
    createDecision: ({ context, body, headers }) =>
      createNote(deps, context, kind, body, draftOfDecision(body), headers['idempotency-key']),
    listDecisions: ({ context, query }) => listNotes(deps, context, kind, query),
    getDecision: ({ context, params }) => getNote(deps, context, kind, params.id),
    deleteDecision: ({ context, params }) => deleteNote(deps, context, kind, params.id),
    supersedeDecision: ({ context, params, body, headers }) =>
      supersedeNote(deps, context, kind, params.id, body, draftOfDecision(body), headers['idempotency-key']),
  }
}
