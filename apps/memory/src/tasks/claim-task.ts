import { randomUUID } from 'node:crypto'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { ClaimTask } from '@memoric/contracts/task-contract.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { changeClaim, notHeld } from './change-claim.ts'
import { principalOf, taskEvent } from './task-event.ts'
import { claimTaskOf, type NewClaim, renewClaim } from './task-repository.ts'
import type { TaskRow } from './task-row.ts'

type Claim = RouteTable['claimTask']

/**
 * Claims a task, or lets the lease of a claim begin anew. Throws AppError `task_not_found`, `task_claimed`, `task_ended`,
 * `task_blocked`, `task_not_claimed` for a claim that is over, `consent_withdrawn`.
 */
export async function claimTask(deps: MemoryDeps, { params, body, context }: Call<Claim>): Promise<RouteOutput<Claim>> {
  const { claim_id: claimId, lease_seconds: leaseSeconds } = body
  const isRenewal = claimId !== undefined
  const task = await changeClaim(deps, context, params.id, {
    change: (tx, tenantId, id) =>
      isRenewal
        ? renewClaim(tx, tenantId, id, { by: principalOf(context), claimId }, leaseSeconds)
        : claimTaskOf(tx, tenantId, id, newClaim(context, body)),
    event: (row) => claimedEvent(deps, context, row, isRenewal),
    refusal: isRenewal ? notHeld : refusal,
  })
  return { status: 200, body: task }
}

export function newClaim(context: RequestContext, body: Pick<ClaimTask, 'agent' | 'lease_seconds'>): NewClaim {
  const { agent = null, lease_seconds: leaseSeconds } = body
  return { id: randomUUID(), by: principalOf(context), agent, leaseSeconds }
}

export function claimedEvent(deps: MemoryDeps, context: RequestContext, row: TaskRow, isRenewal: boolean) {
  const { claim_id, claimed_until, times_claimed } = row
  const until = claimed_until?.toISOString() ?? null
  return taskEvent(deps, context, 'task.claimed', row, { claim_id, until, times_claimed, renewed: isRenewal })
}

function refusal(row: TaskRow): AppError {
  const { state, claimed_until } = row
  if (state === 'claimed') return new AppError('task_claimed', { detail: `until ${claimed_until?.toISOString()}` })
  return state === 'open' ? new AppError('task_blocked') : new AppError('task_ended', { detail: state })
}
