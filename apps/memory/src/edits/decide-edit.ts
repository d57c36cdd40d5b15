import type { DecidedEdit, EditStatus } from '@memoric/contracts/edit-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { scopeOf } from '../caller-scope.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { selectMemories } from '../memories/memory-read-repository.ts'
import type { RemovedRow } from '../memories/memory-removal-repository.ts'
import { lockSubjects } from '../memories/subject-lock-repository.ts'
import type { MemoryRow } from '../memories/memory-row.ts'
import { withFreshKeys } from '../memories/stale-keys.ts'
import { consentFor } from '../privacy/consent-rules.ts'
import { standingView } from '../provenance/provenance-view.ts'
import { nameOf } from '../provenance/provenance.ts'
import { type EditReasons, sealReasons } from './edit-box.ts'
import { editEvent } from './edit-event.ts'
import { requireApprover, requireDefender, requireRefuser } from './edit-permission.ts'
import { selectEdit, selectWriters, updateEdit } from './edit-repository.ts'
import { type EditRow, editView, openEdit } from './edit-row.ts'
import { findEdit, withKeysOfEdit } from './find-edit.ts'
import { settleStanding } from './settle-standing.ts'
import { withdrawDerived } from './withdraw-derived.ts'

/** What is to become of an edit, and why. */
export interface Decision {
  readonly id: string
  readonly to: Exclude<EditStatus, 'proposed'>
  readonly reason: string | null
}

interface Decided {
  readonly view: DecidedEdit
  readonly change: number | null
  readonly gone: readonly RemovedRow[]
}

/**
 * Decides about an edit; the memory stands from then on as its approved edits say. The lock of the subject puts those who decide about
 * the same one in order. Throws AppError `edit_not_found`, `memory_not_found`, `own_edit`, `permission_denied`, `edit_state_conflict`,
 * `edit_outdated`, `consent_withdrawn`, `write_conflict`.
 */
export async function decideEdit(deps: MemoryDeps, context: RequestContext, decision: Decision): Promise<DecidedEdit> {
  const found = await findEdit(deps, context, decision.id)
  const { tenant_id: tenantId, subject_id: subjectId } = found
  const { view, change, gone } = await withFreshKeys(deps, found, () =>
    withKeysOfEdit(deps, found, (keys) =>
      tenantTransaction(deps.sql, scopeOf(context.caller), (tx) => carryOut(tx, deps, context, keys, found, decision)),
    ),
  )
  deps.relay.wake()
  for (const { size } of gone) deps.quotas.add(tenantId, { memories: -1, bytes: -size })
  if (change !== null) deps.indexes.changed({ tenantId, subjectId }, [change])
  return view
}

async function carryOut(
  tx: Tx,
  deps: MemoryDeps,
  context: RequestContext,
  keys: SubjectKeys,
  found: EditRow,
  decision: Decision,
): Promise<Decided> {
  const { tenant_id: tenantId, subject_id: subjectId } = found
  const lock = { subjectId, keyVersion: keys.content.current().id, consent: consentFor(context.caller) }
  const [, [edit], [memory], writers] = await Promise.all([
    lockSubjects(tx, tenantId, [lock]),
    selectEdit(tx, tenantId, found.id),
    selectMemories(tx, tenantId, [found.memory_id]),
    selectWriters(tx, tenantId, found.memory_id),
  ])
  if (edit === undefined) throw new AppError('edit_not_found')
  if (memory === undefined) throw new AppError('memory_not_found')
  requireDecision(
    context,
    edit,
    memory,
    writers.map((row) => row.written_by),
    decision,
  )
  const reasons = { ...openEdit(keys, edit), [decision.to === 'undone' ? 'undo' : 'decision']: decision.reason }
  const next = nextRow(deps, context, keys, edit, decision.to, reasons)
  await Promise.all([updateEdit(tx, next), outboxInsert(tx, [editEvent(deps, context, next)])])
  const stands = await settle(tx, deps, context, keys, memory, decision.to)
  return { ...stands, view: { ...editView(next, reasons), ...standingView(stands.standing) } }
}

/** Throws AppError `edit_state_conflict`, `edit_outdated`, `own_edit`, `permission_denied`. */
function requireDecision(
  { caller }: RequestContext,
  edit: EditRow,
  memory: MemoryRow,
  writers: readonly string[],
  { to }: Decision,
): void {
  if (to === 'approved') requireApprover(caller, edit)
  else if (to === 'rejected') requireRefuser(caller, edit, writers)
  else requireDefender(caller, edit, writers)
  if (edit.status !== (to === 'undone' ? 'approved' : 'proposed')) {
    throw new AppError('edit_state_conflict', { detail: `it is ${edit.status}` })
  }
  if (to === 'approved' && edit.memory_version !== memory.version) {
    const detail = `it was proposed for version ${edit.memory_version}; the current version is ${memory.version}`
    throw new AppError('edit_outdated', { detail })
  }
}

function nextRow(
  deps: MemoryDeps,
  { caller }: RequestContext,
  keys: SubjectKeys,
  edit: EditRow,
  status: Decision['to'],
  reasons: EditReasons,
): EditRow {
  const version = edit.version + 1
  const place = { tenantId: edit.tenant_id, subjectId: edit.subject_id, id: edit.id, version }
  const [by, at] = [nameOf(caller), deps.now()]
  const who = status === 'undone' ? { undone_by: by, undone_at: at } : { decided_by: by, decided_at: at }
  return { ...edit, ...who, status, version, sealed: sealReasons(keys, place, reasons) }
}

/** Gives the memory the standing that its edits leave it; what tells it goes when it is withheld from now on. */
async function settle(
  tx: Tx,
  deps: MemoryDeps,
  context: RequestContext,
  keys: SubjectKeys,
  memory: MemoryRow,
  to: Decision['to'],
): Promise<Pick<Decided, 'change' | 'gone'> & { readonly standing: Pick<MemoryRow, 'standing' | 'withheld'> }> {
  if (to === 'rejected') return { standing: memory, change: null, gone: [] }
  const place = { tenantId: memory.tenant_id, subjectId: memory.subject_id }
  const { standing, change } = await settleStanding(tx, place, memory.id)
  const isWithheldNow = standing.standing === 0 && memory.standing > 0
  const gone = isWithheldNow ? await withdrawDerived(tx, deps, context, keys, memory) : []
  return { standing, change, gone }
}
