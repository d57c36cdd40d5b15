import { DEFAULT_NAMESPACE, DEFAULT_SUBJECT } from '@memoric/contracts/memory-contract.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { namespaceFor, requireNamespace, requireSubject, subjectFor } from '@memoric/service/caller-limits.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { REPLAYED } from '../idempotency/idempotency.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { findNote, showNote } from './find-note.ts'
import type { KindOfNote, NoteDraft } from './note-kind.ts'
import type { NoteRow } from './note-row.ts'
import { type NoteOrder, writeNote } from './write-note.ts'

/** What a caller sent. */
export interface NoteRequest {
  readonly subject_id?: string | undefined
  readonly namespace?: string | undefined
}

interface Made<V> {
  readonly status: 201
  readonly body: V
  readonly headers: Readonly<Record<string, string>>
}

/** Writes a note. Throws AppError `subject_not_allowed`, `namespace_not_allowed`, as writeNote, and as Idempotency.run. */
export function createNote<V>(
  deps: MemoryDeps,
  context: RequestContext,
  kind: KindOfNote<V>,
  body: NoteRequest,
  draft: NoteDraft,
  key: string | undefined,
): Promise<Made<V>> {
  const { caller } = context
  const subjectId = subjectFor(caller, body.subject_id, DEFAULT_SUBJECT)
  const namespace = namespaceFor(caller, body.namespace, DEFAULT_NAMESPACE)
  const order = { place: { subjectId, namespace }, draft, supersedes: null }
  return once(deps, context, kind, order, key, JSON.stringify(body))
}

/**
 * Writes a note in the place of another of its kind, where that is. Throws AppError `rule_violated` for another place,
 * `already_superseded`, `subject_not_allowed`, `namespace_not_allowed`, and as findNote and createNote.
 */
export async function supersedeNote<V>(
  deps: MemoryDeps,
  context: RequestContext,
  kind: KindOfNote<V>,
  id: string,
  body: NoteRequest,
  draft: NoteDraft,
  key: string | undefined,
): Promise<Made<V>> {
  if (body.subject_id !== undefined) requireSubject(context.caller, body.subject_id)
  if (body.namespace !== undefined) requireNamespace(context.caller, body.namespace)
  const old = await findNote(deps, context, kind, id)
  requireSamePlace(old, body)
  const place = { subjectId: old.subject_id, namespace: old.namespace }
  return once(deps, context, kind, { place, draft, supersedes: old }, key, JSON.stringify([id, body]))
}

function requireSamePlace(old: NoteRow, body: NoteRequest): void {
  const errors = (['subject_id', 'namespace'] as const).flatMap((field) =>
    body[field] === undefined || body[field] === old[field]
      ? []
      : [{ pointer: `/${field}`, message: 'must be that of what is superseded, or left out' }],
  )
  if (errors.length > 0) throw new AppError('rule_violated', { errors })
}

function once<V>(
  deps: MemoryDeps,
  context: RequestContext,
  kind: KindOfNote<V>,
  order: NoteOrder,
  key: string | undefined,
  text: string,
): Promise<Made<V>> {
  return deps.idempotency.run(
    { context, key, text, subjectId: order.place.subjectId },
    {
      first: async (claim) => {
        const { id, view } = await writeNote(deps, context, kind, order, claim)
        return made(kind, id, view)
      },
      again: async ({ items: [kept] }) => {
        if (kept === undefined || 'refused' in kept) throw new Error('a request that was kept without a note')
        const row = await findNote(deps, context, kind, kept.id).catch((error: unknown) => {
          if (!(error instanceof AppError) || error.code !== kind.notFound) throw error
          throw new AppError('memory_gone', { detail: kept.id, headers: REPLAYED })
        })
        return made(kind, kept.id, await showNote(deps, kind, row), REPLAYED)
      },
    },
  )
}

function made<V>(kind: KindOfNote<V>, id: string, body: V, more: Readonly<Record<string, string>> = {}): Made<V> {
  return { status: 201, body, headers: { location: `${kind.path}/${id}`, ...more } }
}
