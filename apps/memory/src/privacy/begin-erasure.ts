import type { ErasureId } from '@memoric/contracts/ids.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import { wholeTenant } from '../keys/subject-keys.ts'
import { selectSubjectKeys } from '../keys/key-repository.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import {
  deleteKeys,
  type ErasureRow,
  insertErasure,
  lockErasing,
  lockSubject,
  selectNextKeyVersion,
  selectRecentErasure,
} from './erasure-repository.ts'
import { insertForgetting } from './forgetting-repository.ts'

type BeginDeps = Pick<MemoryDeps, 'sql' | 'events' | 'relay' | 'forgetting'>

/**
 * Destroys the keys of a subject: from the commit on, nothing that they sealed opens any more. An erasure that runs, or began within
 * the last 24 hours, is given again when nothing came since.
 */
export async function beginErasure(deps: BeginDeps, context: RequestContext, subjectId: string): Promise<ErasureRow> {
  const place = { tenantId: context.caller.tenantId, subjectId }
  const { row, isNew } = await tenantTransaction(deps.sql, wholeTenant(place.tenantId), (tx) =>
    findOrBegin(tx, deps, context, place),
  )
  if (isNew) {
    deps.forgetting.announce(place, row.forgetting_id)
    deps.relay.wake()
  }
  return row
}

async function findOrBegin(tx: Tx, deps: BeginDeps, context: RequestContext, place: SubjectPlace) {
  await lockErasing(tx, place)
  const [[known], [subject]] = await Promise.all([selectRecentErasure(tx, place), lockSubject(tx, place)])
  if (known !== undefined && subject === undefined) return { row: known, isNew: false }
  return { row: await begin(tx, deps, context, place), isNew: true }
}

async function begin(tx: Tx, deps: BeginDeps, context: RequestContext, place: SubjectPlace): Promise<ErasureRow> {
  const { principal } = context.caller
  const [[newest], [next], [gone]] = await Promise.all([
    selectSubjectKeys(tx, place.tenantId, place.subjectId),
    selectNextKeyVersion(tx, place),
    deleteKeys(tx, place),
  ])
  const forgettingId = uuidV7()
  const [[row]] = await Promise.all([
    insertErasure(tx, place, {
      id: uuidV7() as ErasureId,
      last_key_version: Math.max(newest?.version ?? 0, (next?.version ?? 1) - 1),
      counts: { subject_keys: gone?.keys ?? 0, subjects: gone?.subjects ?? 0 },
      forgetting_id: forgettingId,
      requested_by: `${principal.type}:${principal.id}`,
    }),
    insertForgetting(tx, place, forgettingId),
  ])
  if (row === undefined) throw new Error('an inserted row was not returned')
  const details = { erasure_id: row.id, keys_destroyed: row.keys_destroyed }
  await outboxInsert(tx, [
    deps.events({ type: 'subject.erasure_started', context, resourceId: place.subjectId, statusCode: null, details }),
  ])
  return row
}
