import type { ErasureStep } from '@memoric/contracts/privacy-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { NoteSigner } from '@memoric/crypto/signed-note.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantFlight, tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import { wholeTenant } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { lockSegments } from '../search/segment-repository.ts'
import { serviceContext } from '../service-context.ts'
import type { AskLog } from './ask-log.ts'
import { ERASED_TABLES } from './erased-tables.ts'
import {
  deleteRows,
  type ErasureRow,
  goToStep,
  lockErasing,
  lockForReceipt,
  noteForgetting,
  noteHoldEnded,
  noteLogKeys,
  noteProcesses,
  storeReceipt,
} from './erasure-repository.ts'
import { insertForgetting } from './forgetting-repository.ts'
import { receiptText } from './receipt.ts'
import type { ReceiptKeys } from './receipt-keys.ts'

export interface ErasureDeps extends Pick<MemoryDeps, 'sql' | 'events' | 'relay' | 'forgetting' | 'log'> {
  readonly receiptKeys: ReceiptKeys
  readonly askLog: AskLog
  readonly now: () => Date
}

/**
 * Does what a step asks for and goes to the next one; false when it has to be tried again later. It waits no longer once aborted, and
 * may be repeated at any time.
 */
type Step = (deps: ErasureDeps, row: ErasureRow, signal: AbortSignal) => Promise<boolean>

export const ERASURE_STEPS: Readonly<Record<Exclude<ErasureStep, 'done'>, Step>> = {
  rows: deleteAllRows,
  processes: awaitProcesses,
  log: awaitLog,
  receipt: signReceipt,
}

/** Rows of one statement: some ten milliseconds of work. */
const BATCH = 2000
const PROCESSES_MS = 20_000
const LOG_MS = 3_000

async function deleteAllRows({ sql }: ErasureDeps, row: ErasureRow): Promise<boolean> {
  const place = { tenantId: row.tenant_id, subjectId: row.subject_id }
  for (const table of ERASED_TABLES) {
    let gone = BATCH
    while (gone === BATCH) {
      const [[deleted]] = await tenantFlight(sql, wholeTenant(row.tenant_id), (tx) => [
        deleteRows(tx, row, table, BATCH),
      ])
      gone = deleted?.gone ?? 0
    }
  }
  await tenantTransaction(sql, wholeTenant(row.tenant_id), async (tx) => {
    await Promise.all([lockErasing(tx, place), lockSegments(tx, place)])
    // What a process wrote that had begun before the keys went.
    await Promise.all(ERASED_TABLES.map((table) => deleteRows(tx, row, table, Number.MAX_SAFE_INTEGER)))
    await goToStep(tx, row, 'rows', 'processes')
  })
  return true
}

async function awaitProcesses(
  { sql, forgetting }: ErasureDeps,
  row: ErasureRow,
  signal: AbortSignal,
): Promise<boolean> {
  const place = { tenantId: row.tenant_id, subjectId: row.subject_id }
  const state = await forgetting.confirmed(row.tenant_id, row.forgetting_id, PROCESSES_MS, signal)
  if (state?.missing === 0) {
    await tenantFlight(sql, wholeTenant(row.tenant_id), (tx) => [noteProcesses(tx, row, state.confirmed)])
    return true
  }
  if (state !== null) return false
  const id = uuidV7()
  await tenantFlight(sql, wholeTenant(row.tenant_id), (tx) => [
    insertForgetting(tx, place, id),
    noteForgetting(tx, row, id),
  ])
  forgetting.announce(place, id)
  return true
}

async function awaitLog({ sql, askLog }: ErasureDeps, row: ErasureRow, signal: AbortSignal): Promise<boolean> {
  const answer = await askLog.destroyed(row, LOG_MS, signal)
  if (answer === null) return false
  await tenantFlight(sql, wholeTenant(row.tenant_id), (tx) => [noteLogKeys(tx, row, answer)])
  return true
}

async function signReceipt(deps: ErasureDeps, { tenant_id, ...rest }: ErasureRow): Promise<boolean> {
  const signer = await deps.receiptKeys.signer()
  await tenantTransaction(deps.sql, wholeTenant(tenant_id), async (tx) => {
    const [row] = await lockForReceipt(tx, { tenant_id, ...rest })
    if (row !== undefined) await receive(tx, deps, row, signer)
  })
  deps.relay.wake()
  return true
}

/**
 * Asks the log once more about an erasure that a legal hold kept from its keys; when the hold has ended, another receipt takes the place
 * of the one that said so.
 */
export async function endHeldErasure(deps: ErasureDeps, held: ErasureRow, signal: AbortSignal): Promise<void> {
  const answer = await deps.askLog.destroyed(held, LOG_MS, signal)
  if (answer === null || answer.held) return
  const signer = await deps.receiptKeys.signer()
  await tenantTransaction(deps.sql, wholeTenant(held.tenant_id), async (tx) => {
    const [row] = await noteHoldEnded(tx, held, answer.keys)
    if (row !== undefined) await receive(tx, deps, row, signer)
  })
  deps.relay.wake()
}

async function receive(tx: Tx, deps: ErasureDeps, row: ErasureRow, signer: NoteSigner): Promise<void> {
  const finishedAt = deps.now()
  await storeReceipt(tx, row, signer.sign(receiptText(row, finishedAt)), finishedAt)
  await outboxInsert(tx, [erasedEvent(deps, row)])
}

function erasedEvent({ events }: ErasureDeps, row: ErasureRow) {
  const { id, keys_destroyed, counts, processes, log_keys_destroyed, log_held } = row
  return events({
    type: 'subject.erased',
    context: serviceContext(row.tenant_id, 'erasure'),
    actor: row.requested_by,
    resourceId: row.subject_id,
    statusCode: null,
    details: { erasure_id: id, keys_destroyed, counts: { ...counts }, processes, log_keys_destroyed, log_held },
  })
}
