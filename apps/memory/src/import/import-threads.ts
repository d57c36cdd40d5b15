import type { Tx } from '@memoric/postgres/lease.ts'
import type { ThreadLine } from '../exports/export-lines.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { insertThread, selectThreads } from '../threads/thread-repository.ts'
import { sealTitle } from '../threads/title-box.ts'

/** Writes what is known of a thread, if nothing is known of it here, and gives how many that were. */
export async function importThread(tx: Tx, place: SubjectPlace, keys: SubjectKeys, line: ThreadLine): Promise<number> {
  const { id, version, namespace, thread_id, title } = line
  const rows = await insertThread(tx, place, {
    id,
    version,
    namespace,
    thread_id,
    archived_at: line.archived_at === null ? null : new Date(line.archived_at),
    updated_at: new Date(line.updated_at),
    sealed: title === null ? null : sealTitle(keys, { ...place, id, version }, title),
  })
  return rows.length
}

export async function isKnownThread(tx: Tx, place: SubjectPlace, line: ThreadLine): Promise<boolean> {
  const rows = await selectThreads(tx, place, [{ namespace: line.namespace, threadId: line.thread_id }])
  return rows.length > 0
}
