import type { Handlers } from '@memoric/service/implement-routes.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { createNote, supersedeNote } from '../notes/create-note.ts'
import { deleteNote } from '../notes/delete-note.ts'
import { getNote } from '../notes/get-note.ts'
import { listNotes } from '../notes/list-notes.ts'
import { draftOfKnowledge, knowledgeKind as kind } from './knowledge-kind.ts'
import { updateKnowledge } from './update-knowledge.ts'

type Operation =
  'createKnowledge' | 'listKnowledge' | 'getKnowledge' | 'updateKnowledge' | 'deleteKnowledge' | 'supersedeKnowledge'

/** Handlers of the routes under /v1/knowledge. */
export function knowledgeHandlers(deps: MemoryDeps): Pick<Handlers<'memory'>, Operation> {
  return {
    createKnowledge: ({ context, body, headers }) =>
      createNote(deps, context, kind, body, draftOfKnowledge(body), headers['idempotency-key']),
    listKnowledge: ({ context, query }) => listNotes(deps, context, kind, query),
    getKnowledge: ({ context, params }) => getNote(deps, context, kind, params.id),
    updateKnowledge: (call) => updateKnowledge(deps, call),
    deleteKnowledge: ({ context, params }) => deleteNote(deps, context, kind, params.id),
    supersedeKnowledge: ({ context, params, body, headers }) =>
      supersedeNote(deps, context, kind, params.id, body, draftOfKnowledge(body), headers['idempotency-key']),
  }
}
