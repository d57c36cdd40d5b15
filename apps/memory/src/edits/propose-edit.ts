import { EDIT_LIMITS, type ProposeEdit } from '@memoric/contracts/edit-contract.ts'
import type { EditId } from '@memoric/contracts/ids.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import { scopeOf } from '../caller-scope.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { checkVersion, findMemory, withKeysOf } from '../memories/find-memory.ts'
import { selectMemories } from '../memories/memory-read-repository.ts'
import { lockSubjects } from '../memories/subject-lock-repository.ts'
import type { MemoryRow } from '../memories/memory-row.ts'
import { withFreshKeys } from '../memories/stale-keys.ts'
import { consentFor } from '../privacy/consent-rules.ts'
import { requireConsent } from '../privacy/require-consent.ts'
import { nameOf } from '../provenance/provenance.ts'
import { sealReasons } from './edit-box.ts'
import { editEvent } from './edit-event.ts'
import { countEdits, insertEdit } from './edit-repository.ts'
import { type EditRow, editView } from './edit-row.ts'

type Propose = RouteTable['proposeEdit']

/**
 * Proposes an edit of the version that a memory has. Throws AppError `memory_not_found`, `version_mismatch`, `too_many_edits`,
 * and as requireConsent.
 */
export async function proposeEdit(
  deps: MemoryDeps,
  { body, headers, context }: Call<Propose>,
): Promise<RouteOutput<Propose>> {
  const found = await findMemory(deps, context, body.memory_id)
  await requireConsent(deps, context.caller, found.subject_id)
  const row = await withFreshKeys(deps, found, () =>
    withKeysOf(deps, found, (keys) =>
      tenantTransaction(deps.sql, scopeOf(context.caller), (tx) =>
        write(tx, deps, context, keys, found, body, headers['if-match']),
      ),
    ),
  )
  deps.relay.wake()
  const view = editView(row, { reason: body.reason, decision: null, undo: null })
  return { status: 201, body: view, headers: { location: `/v1/edits/${row.id}` } }
}

async function write(
  tx: Tx,
  deps: MemoryDeps,
  context: RequestContext,
  keys: SubjectKeys,
  { tenant_id: tenantId, subject_id: subjectId, id }: MemoryRow,
  body: ProposeEdit,
  expected: number | undefined,
): Promise<EditRow> {
  const lock = { subjectId, keyVersion: keys.content.current().id, consent: consentFor(context.caller) }
  const [, [memory], [edits]] = await Promise.all([
    lockSubjects(tx, tenantId, [lock]),
    selectMemories(tx, tenantId, [id]),
    // Of the caller alone: nobody uses up what others need to have a memory withheld.
    countEdits(tx, tenantId, id, nameOf(context.caller)),
  ])
  if (memory === undefined) throw new AppError('memory_not_found')
  checkVersion(memory, expected)
  if ((edits?.count ?? 0) >= EDIT_LIMITS.editsOfMemory) throw new AppError('too_many_edits')
  const row = proposalOf(deps, context, keys, memory, body)
  await Promise.all([insertEdit(tx, row), outboxInsert(tx, [editEvent(deps, context, row)])])
  return row
}

function proposalOf(
  deps: MemoryDeps,
  { caller }: RequestContext,
  keys: SubjectKeys,
  memory: MemoryRow,
  { operation, factor, reason }: ProposeEdit,
): EditRow {
  // Made as one.
  const id = uuidV7() as EditId
  const place = { tenantId: memory.tenant_id, subjectId: memory.subject_id, id, version: 1 }
  return {
    tenant_id: memory.tenant_id,
    id,
    subject_id: memory.subject_id,
    namespace: memory.namespace,
    memory_id: memory.id,
    memory_version: memory.version,
    operation,
    factor: factor ?? null,
    status: 'proposed',
    version: 1,
    proposed_by: nameOf(caller),
    proposed_at: deps.now(),
    decided_by: null,
    decided_at: null,
    undone_by: null,
    undone_at: null,
    sealed: sealReasons(keys, place, { reason, decision: null, undo: null }),
  }
}
