import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { settleStanding } from '../edits/settle-standing.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { removeBoundMemory } from '../memories/remove-bound-memory.ts'
import { findNote } from './find-note.ts'
import { noteEvent } from './note-event.ts'
import type { KindOfNote } from './note-kind.ts'
import { removeNote } from './note-repository.ts'

/** Deletes a note with its versions and its memory. Throws as findNote. */
export async function deleteNote<V>(
  deps: MemoryDeps,
  context: RequestContext,
  kind: KindOfNote<V>,
  id: string,
): Promise<{ status: 204; body: null }> {
  const row = await findNote(deps, context, kind, id)
  const wasThere = await removeBoundMemory(deps, context, row, async (tx) => {
    const [gone] = await removeNote(tx, row.tenant_id, row.id)
    if (gone === undefined) return null
    const place = { tenantId: row.tenant_id, subjectId: row.subject_id }
    if (gone.restored !== null) await settleStanding(tx, place, gone.restored)
    return noteEvent(deps, context, kind.events.deleted, 204, row, { restored: gone.restored })
  })
  if (!wasThere) throw new AppError(kind.notFound)
  return { status: 204, body: null }
}
