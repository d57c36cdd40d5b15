import { CryptoError } from '@memoric/crypto/errors.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { removeExpired, type RemovedRow } from '../memories/memory-removal-repository.ts'
import { releaseSources, withdrawSummaries } from '../policies/memory-summaries.ts'
import { removeFromSegments } from '../search/remove-from-segments.ts'
import { scopeOfIndex } from '../search/segment-repository.ts'
import { serviceContext } from '../service-context.ts'
import { type DueMemory, lockSubject } from './expiry-repository.ts'

/** Memories of one subject whose time is over. */
export interface DueGroup extends Omit<DueMemory, 'id'> {
  readonly ids: readonly string[]
}

export type ExpiryDeps = Pick<MemoryDeps, 'sql' | 'keys' | 'events' | 'relay' | 'quotas' | 'log'>

/**
 * Removes memories with their history and from the search segments, and tells of each, in one transaction. Gives how many; null when
 * somebody else holds the subject, unless it `isPatient`, or its key was rotated meanwhile.
 */
export async function removeDue(deps: ExpiryDeps, group: DueGroup, isPatient: boolean): Promise<number | null> {
  const { tenant_id: tenantId, subject_id: subjectId } = group
  const removed = await withKeys(deps, group, (keys) => remove(deps, group, keys, isPatient))
  if (removed === null) return null
  for (const { size } of removed) deps.quotas.add(tenantId, { memories: -1, bytes: -size })
  if (removed.length > 0) deps.log.debug({ tenantId, subjectId, removed: removed.length }, 'removed what has expired')
  return removed.length
}

/** Without its keys a subject loses its segments, which are made anew; what has expired goes in any case. */
async function withKeys<R>(
  { keys }: ExpiryDeps,
  { tenant_id, subject_id }: DueGroup,
  work: (keys: SubjectKeys | null) => Promise<R>,
): Promise<R> {
  try {
    return await keys.forReading(tenant_id, subject_id, work)
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error
    return work(null)
  }
}

function remove(
  deps: ExpiryDeps,
  { tenant_id: tenantId, subject_id: subjectId, ids }: DueGroup,
  keys: SubjectKeys | null,
  isPatient: boolean,
): Promise<readonly RemovedRow[] | null> {
  const place = { tenantId, subjectId }
  return tenantTransaction(deps.sql, scopeOfIndex(place), async (tx) => {
    const [subject] = await lockSubject(tx, tenantId, subjectId, isPatient)
    if (subject === undefined) return null
    if (keys !== null && keys.index.current().id !== subject.key_version) {
      deps.keys.forgetSubject(tenantId, subjectId)
      return null
    }
    const removed = await removeExpired(tx, tenantId, subjectId, ids)
    if (removed.length === 0) return removed
    const context = serviceContext(tenantId, 'expiry')
    const told = removed.map(({ id, version }) =>
      deps.events({
        type: 'memory.expired',
        context,
        resourceId: id,
        statusCode: null,
        details: { subject_id: subjectId, version },
      }),
    )
    const summaries = await withdrawSummaries(tx, deps, context, place, removed)
    const all = [...removed, ...summaries]
    const gone = removed.map(({ id }) => id)
    await Promise.all([
      outboxInsert(tx, told),
      releaseSources(tx, place, gone),
      removeFromSegments(tx, keys, place, all),
    ])
    return all
  })
}
