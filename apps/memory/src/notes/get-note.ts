import type { RequestContext } from '@memoric/service/request-context.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { findNote, showNote } from './find-note.ts'
import type { KindOfNote } from './note-kind.ts'

/** One note, superseded or not. Throws as findNote and showNote. */
export async function getNote<V>(
  deps: MemoryDeps,
  context: RequestContext,
  kind: KindOfNote<V>,
  id: string,
): Promise<{ status: 200; body: V; headers: Readonly<Record<string, string>> }> {
  const row = await findNote(deps, context, kind, id)
  const body = await showNote(deps, kind, row)
  const details = { subject_id: row.subject_id, version: row.version }
  deps.reads.record({ type: kind.events.read, context, resourceId: row.id, details })
  return { status: 200, body, headers: { etag: `"${row.version}"` } }
}
