import type { Caller } from '@memoric/contracts/caller.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import type { DocumentTest } from './document-tests.ts'
import type { Segment } from './segment-format.ts'
import { stringAt } from './string-table.ts'

/** By subject, threads as `<namespace>\n<thread>`: neither has a control character. */
export type ArchivedThreads = ReadonlyMap<string, ReadonlySet<string>>

/** Archived threads of a subject, or of all subjects that the caller may see. */
export async function readArchivedThreads(
  { sql }: Pick<MemoryDeps, 'sql'>,
  caller: Caller,
  subjectId?: string,
): Promise<ArchivedThreads> {
  const [rows] = await tenantFlight(sql, scopeOf(caller), (tx) => [selectArchived(tx, caller.tenantId, subjectId)])
  const threads = new Map<string, Set<string>>()
  for (const { subject_id, namespace, thread_id } of rows) {
    const own = threads.get(subject_id) ?? new Set()
    threads.set(subject_id, own.add(`${namespace}\n${thread_id}`.toWellFormed()))
  }
  return threads
}

function selectArchived(tx: Tx, tenantId: string, subjectId: string | undefined) {
  return tx<{ subject_id: string; namespace: string; thread_id: string }[]>`
    select subject_id, namespace, thread_id from threads
    where tenant_id = ${tenantId} and archived_at is not null
      ${subjectId === undefined ? tx`` : tx`and subject_id = ${subjectId}`}`
}

/** Which documents are in no archived thread; no test when there are none. */
export function archiveTests(segment: Segment, archived: ReadonlySet<string> | undefined): DocumentTest[] {
  if (archived === undefined || archived.size === 0) return []
  const { namespace, thread } = segment.numbers
  const known = new Map<number, boolean>()
  return [
    (document) => {
      const inThread = thread.values[document & thread.mask] ?? 0
      if (inThread === 0) return true
      const inNamespace = namespace.values[document & namespace.mask] ?? 0
      const key = inThread * 2 ** 26 + inNamespace
      const told = known.get(key)
      if (told !== undefined) return told
      const isShown = !archived.has(`${stringAt(segment.strings, inNamespace)}\n${stringAt(segment.strings, inThread)}`)
      known.set(key, isShown)
      return isShown
    },
  ]
}
