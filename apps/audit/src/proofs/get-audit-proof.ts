import type { InclusionProof } from '@memoric/contracts/audit-proof-contract.ts'
import type { EventId } from '@memoric/contracts/ids.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import { encodeTlogProof } from '@memoric/crypto/tlog-proof.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { systemTransaction, tenantFlight, tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { EventFactory } from '@memoric/service/event-factory.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { requireWholeTenant, wholeTenant } from '../log/log-readers.ts'
import { canonicalOf } from '../tree/canonical-line.ts'
import { findLine } from '../tree/line-repository.ts'
import { awaitCheckpoint, type AwaitCheckpointDeps } from './await-checkpoint.ts'
import { readInclusionProof } from './prove.ts'
import { textAnswer } from './text-answer.ts'

export interface ProofDeps extends AwaitCheckpointDeps {
  readonly events: EventFactory
  /** Called once there is something in the outbox. */
  readonly wakeRelay: () => void
}

interface Proof {
  readonly eventId: EventId
  readonly index: number
  readonly size: number
  readonly path: readonly Buffer[]
  readonly canonical: string
  readonly checkpoint: string
}

/** Throws AppError `event_not_found`, `permission_denied`, `service_unavailable`. */
export async function getAuditProof(
  deps: ProofDeps,
  { params, context }: Call<RouteTable['getAuditProof']>,
): Promise<RouteOutput<RouteTable['getAuditProof']>> {
  const { eventId, index, size, path, canonical, checkpoint } = await proveEvent(deps, params.event_id, context)
  const body: InclusionProof = {
    event_id: eventId,
    leaf_index: index,
    tree_size: size,
    path: path.map((hash) => hash.toString('base64')),
    canonical,
    checkpoint,
  }
  return { status: 200, body }
}

/** The same as a file; the text of the leaf is not part of it. */
export async function getAuditProofFile(
  deps: ProofDeps,
  { params, context }: Call<RouteTable['getAuditProofFile']>,
): Promise<RouteOutput<RouteTable['getAuditProofFile']>> {
  return textAnswer(encodeTlogProof(await proveEvent(deps, params.event_id, context)))
}

async function proveEvent(deps: ProofDeps, eventId: EventId, context: RequestContext): Promise<Proof> {
  requireWholeTenant(context.caller)
  const { tenantId } = context.caller
  const line = await tenantTransaction(deps.sql, wholeTenant(tenantId), (tx) => findLine(tx, tenantId, eventId))
  if (line === undefined) throw new AppError('event_not_found')
  const index = line.log_index
  const { size, note } = await awaitCheckpoint(deps, index + 1)
  const path = await systemTransaction(deps.sql, (tx) => readInclusionProof(tx, index, size))
  await tellRead(deps, eventId, context)
  return { eventId, index, size, path, canonical: canonicalOf(line), checkpoint: note }
}

/** A proof holds the line, so whoever gets one reads the log. */
async function tellRead({ sql, events, wakeRelay }: ProofDeps, eventId: EventId, context: RequestContext) {
  const details = { filters: ['event_id'], returned: 1, proof_of: eventId }
  const event = events({ type: 'audit.read', context, resourceId: null, statusCode: 200, details })
  await tenantFlight(sql, wholeTenant(context.caller.tenantId), (tx) => [outboxInsert(tx, [event])])
  wakeRelay()
}
