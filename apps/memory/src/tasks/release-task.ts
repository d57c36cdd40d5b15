import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { changeClaim, notHeld } from './change-claim.ts'
import { principalOf, taskEvent } from './task-event.ts'
import { releaseClaim } from './task-repository.ts'

type Release = RouteTable['releaseTask']

/** Gives a claim back. Throws AppError `task_not_found`, `task_not_claimed`, `task_ended`, `consent_withdrawn`. */
export async function releaseTask(
  deps: MemoryDeps,
  { params, body, context }: Call<Release>,
): Promise<RouteOutput<Release>> {
  const holder = { by: principalOf(context), claimId: body.claim_id }
  const task = await changeClaim(deps, context, params.id, {
    change: (tx, tenantId, id) => releaseClaim(tx, tenantId, id, holder),
    event: (row) => taskEvent(deps, context, 'task.released', row, { times_claimed: row.times_claimed }),
    refusal: notHeld,
  })
  return { status: 200, body: task }
}
