import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { scopeOfIndex } from '../search/segment-repository.ts'
import { deleteCapsule } from './capsule-repository.ts'
import { findCapsule, readerOf } from './find-capsule.ts'

type Revoke = RouteTable['revokeCapsule']

/** Takes a capsule back. Throws AppError `capsule_not_found`, `permission_denied` for who may only open it. */
export async function revokeCapsule(deps: MemoryDeps, { params, context }: Call<Revoke>): Promise<RouteOutput<Revoke>> {
  const row = await findCapsule(deps, context.caller, params.id)
  const { name, ownSubject, seesAll } = readerOf(context.caller)
  if (row.created_by !== name && row.subject_id !== ownSubject && !seesAll) throw new AppError('permission_denied')
  const place = { tenantId: row.tenant_id, subjectId: row.subject_id }
  const details = { subject_id: row.subject_id, created_by: row.created_by }
  await tenantTransaction(deps.sql, scopeOfIndex(place), async (tx) => {
    const gone = await deleteCapsule(tx, row.tenant_id, row.id)
    if (gone.length === 0) throw new AppError('capsule_not_found')
    const told = deps.events({ type: 'capsule.revoked', context, resourceId: row.id, statusCode: 204, details })
    await outboxInsert(tx, [told])
  })
  deps.relay.wake()
  return { status: 204, body: null }
}
