import type { NoteKind } from '@memoric/contracts/note-contract.ts'
import { decisionKind } from '../decisions/decision-kind.ts'
import { knowledgeKind } from '../knowledge/knowledge-kind.ts'

/** What a kind of note has of its own, for work on notes of every kind. */
export function kindOf(kind: NoteKind) {
  return kind === 'knowledge' ? knowledgeKind : decisionKind
}
