import { CAPSULE_LIMITS, type CreateCapsule } from '@memoric/contracts/capsule-contract.ts'
import type { CapsuleId } from '@memoric/contracts/ids.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantFlight, tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import { scopeOf } from '../caller-scope.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { selectMemories } from '../memories/memory-read-repository.ts'
import { lockSubjects } from '../memories/subject-lock-repository.ts'
import type { MemoryRow } from '../memories/memory-row.ts'
import { withFreshKeys } from '../memories/stale-keys.ts'
import { withKeysOf } from '../memories/find-memory.ts'
import { consentFor } from '../privacy/consent-rules.ts'
import { requireConsent } from '../privacy/require-consent.ts'
import { nameOf } from '../provenance/provenance.ts'
import { sealLabels } from './capsule-box.ts'
import { insertCapsule } from './capsule-repository.ts'
import { type CapsuleRow, capsuleView } from './capsule-row.ts'

type Create = RouteTable['createCapsule']

const DAY_MS = 86_400_000

/**
 * Shares memories that the caller can see. Throws AppError `memory_not_found` for those that it cannot, and for withheld ones,
 * `rule_violated`, and as requireConsent.
 */
export async function createCapsule(deps: MemoryDeps, { body, context }: Call<Create>): Promise<RouteOutput<Create>> {
  const expiresAt = endOf(deps, body)
  const [first] = await findShared(deps, context, body.memory_ids)
  if (first === undefined) throw new AppError('memory_not_found')
  await requireConsent(deps, context.caller, first.subject_id)
  const view = await withFreshKeys(deps, first, () =>
    withKeysOf(deps, first, async (keys) => {
      const row = await tenantTransaction(deps.sql, scopeOf(context.caller), (tx) =>
        write(tx, deps, context, keys, { subjectId: first.subject_id, body, expiresAt }),
      )
      return capsuleView(keys, row)
    }),
  )
  deps.relay.wake()
  return { status: 201, body: view, headers: { location: `/v1/capsules/${view.id}` } }
}

/** Throws AppError `rule_violated` for a time that is over, or too far away. */
function endOf(deps: MemoryDeps, { expires_at, expires_in_days: days = 0 }: CreateCapsule): Date {
  const now = deps.now().getTime()
  const end = expires_at === undefined ? now + days * DAY_MS : Date.parse(expires_at)
  if (end > now && end <= now + CAPSULE_LIMITS.days * DAY_MS) return new Date(end)
  const message = `must be in the next ${CAPSULE_LIMITS.days} days`
  throw new AppError('rule_violated', { errors: [{ pointer: '/expires_at', message }] })
}

async function findShared(
  deps: MemoryDeps,
  { caller }: RequestContext,
  ids: readonly string[],
): Promise<readonly MemoryRow[]> {
  const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [selectMemories(tx, caller.tenantId, ids)])
  requireAll(rows, ids)
  return rows
}

/** Throws AppError `memory_not_found`, and `rule_violated` for memories of several subjects. */
function requireAll(rows: readonly MemoryRow[], ids: readonly string[]): void {
  const known = new Set<string>(rows.filter(({ standing }) => standing > 0).map(({ id }) => id))
  const at = ids.findIndex((id) => !known.has(id))
  if (at !== -1) {
    const errors = [{ pointer: `/memory_ids/${at}`, message: 'is not there' }]
    throw new AppError('memory_not_found', { errors })
  }
  if (new Set(rows.map(({ subject_id }) => subject_id)).size > 1) {
    throw new AppError('rule_violated', { errors: [{ pointer: '/memory_ids', message: 'must be of one subject' }] })
  }
}

interface Order {
  readonly subjectId: string
  readonly body: CreateCapsule
  readonly expiresAt: Date
}

/** With the subject locked: what was deleted or withheld meanwhile is not shared. */
async function write(
  tx: Tx,
  deps: MemoryDeps,
  context: RequestContext,
  keys: SubjectKeys,
  { subjectId, body, expiresAt }: Order,
): Promise<CapsuleRow> {
  const { caller } = context
  const lock = { subjectId, keyVersion: keys.content.current().id, consent: consentFor(caller) }
  const [, rows] = await Promise.all([
    lockSubjects(tx, caller.tenantId, [lock]),
    selectMemories(tx, caller.tenantId, body.memory_ids),
  ])
  requireAll(rows, body.memory_ids)
  // Made as one.
  const id = uuidV7() as CapsuleId
  const labels = { name: body.name, note: body.note ?? null }
  const row: CapsuleRow = {
    tenant_id: caller.tenantId,
    id,
    subject_id: subjectId,
    created_by: nameOf(caller),
    audience: [...new Set(body.audience)],
    created_at: deps.now(),
    expires_at: expiresAt,
    sealed: sealLabels(keys, { tenantId: caller.tenantId, subjectId, id }, labels),
    memories: body.memory_ids.length,
  }
  const versions = new Map<string, number>(rows.map((memory) => [memory.id, memory.version]))
  const shared = body.memory_ids.map((memory_id) => ({ memory_id, version: versions.get(memory_id) ?? 1 }))
  const told = createdEvent(deps, context, row, body)
  await Promise.all([insertCapsule(tx, row, shared), outboxInsert(tx, [told])])
  return row
}

function createdEvent(deps: MemoryDeps, context: RequestContext, row: CapsuleRow, { memory_ids }: CreateCapsule) {
  const { subject_id, audience } = row
  const details = {
    subject_id,
    memory_ids: [...memory_ids],
    audience: [...audience],
    expires_at: row.expires_at.toISOString(),
  }
  return deps.events({ type: 'capsule.created', context, resourceId: row.id, statusCode: 201, details })
}
