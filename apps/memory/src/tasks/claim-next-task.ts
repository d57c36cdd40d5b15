import { DEFAULT_SUBJECT } from '@memoric/contracts/memory-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantFlight, tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { requireNamespace, subjectFor } from '@memoric/service/caller-limits.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { requireProcessing } from '../privacy/consent-rules.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { standingOf } from '../standing/standings.ts'
import { claimedEvent, newClaim } from './claim-task.ts'
import { showTask } from './find-task.ts'
import { claimFirst, type NewClaim, selectClaimable, selectTask } from './task-repository.ts'
import type { TaskRow } from './task-row.ts'

type ClaimNext = RouteTable['claimNextTask']

/** Tasks that are looked at together, and how often others may take all of them before it is answered that there is none. */
const LOOKED_AT = 50
const ATTEMPTS = 20

/**
 * Claims the open task of the highest priority, the oldest of those, that is not withheld. Throws AppError `subject_not_allowed`,
 * `namespace_not_allowed`, `consent_withdrawn`.
 */
export async function claimNextTask(
  deps: MemoryDeps,
  { body, context }: Call<ClaimNext>,
): Promise<RouteOutput<ClaimNext>> {
  const { caller } = context
  const place = { tenantId: caller.tenantId, subjectId: subjectFor(caller, body.subject_id, DEFAULT_SUBJECT) }
  if (body.namespace !== undefined) requireNamespace(caller, body.namespace)
  await deps.keys.forReading(place.tenantId, place.subjectId, requireProcessing)
  const claim = newClaim(context, body)
  const withheld: string[] = []
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const [found] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [
      selectClaimable(tx, place, body.namespace, withheld, LOOKED_AT),
    ])
    if (found.length === 0) break
    const ids = await standingOnes(deps, context, place, found, withheld)
    const row = ids.length === 0 ? undefined : await claimOneOf(deps, context, ids, claim)
    if (row !== undefined) return { status: 200, body: await showTask(deps, row) }
  }
  return { status: 204, body: null }
}

/** Those that are not withheld; the others are noted. */
async function standingOnes(
  deps: MemoryDeps,
  { caller }: RequestContext,
  place: SubjectPlace,
  found: readonly { readonly id: string }[],
  withheld: string[],
): Promise<string[]> {
  const ids = found.map(({ id }) => id)
  const standing = await standingOf(deps, caller, place, ids)
  withheld.push(...ids.filter((id) => standing(id) === 0))
  return ids.filter((id) => standing(id) > 0)
}

/** Undefined when others have them all. */
async function claimOneOf(
  deps: MemoryDeps,
  context: RequestContext,
  ids: readonly string[],
  claim: NewClaim,
): Promise<TaskRow | undefined> {
  const { tenantId } = context.caller
  const row = await tenantTransaction(deps.sql, scopeOf(context.caller), async (tx) => {
    const [claimed] = await claimFirst(tx, tenantId, ids, claim)
    if (claimed === undefined) return undefined
    const [after] = await selectTask(tx, tenantId, claimed.id)
    if (after !== undefined) await outboxInsert(tx, [claimedEvent(deps, context, after, false)])
    return after
  })
  if (row !== undefined) deps.relay.wake()
  return row
}
