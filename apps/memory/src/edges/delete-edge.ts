import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { edgeEvent } from './edge-event.ts'
import { removeEdge } from './edge-repository.ts'

type Delete = RouteTable['deleteEdge']

/** Throws AppError `edge_not_found`. */
export async function deleteEdge(deps: MemoryDeps, { params, context }: Call<Delete>): Promise<RouteOutput<Delete>> {
  const { caller } = context
  await tenantTransaction(deps.sql, scopeOf(caller), async (tx) => {
    const [row] = await removeEdge(tx, caller.tenantId, params.id)
    if (row === undefined) throw new AppError('edge_not_found')
    await outboxInsert(tx, [edgeEvent(deps, context, row, 'deleted')])
  })
  deps.relay.wake()
  return { status: 204, body: null }
}
