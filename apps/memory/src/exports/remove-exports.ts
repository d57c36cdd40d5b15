import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { systemFlight, tenantFlight, tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { wholeTenant } from '../keys/subject-keys.ts'
import { serviceContext } from '../service-context.ts'
import { deleteSubjects } from './chunk-repository.ts'
import type { ExportDeps } from './export-deps.ts'
import { exportEvent } from './export-event.ts'
import { expireExport, type ExportRow, noteCleared, selectEndedExports } from './export-repository.ts'

const EXPORTS = 20
const SUBJECTS = 50

/** Removes what is stored of exports whose time is over, or that failed; their rows stay, so that callers learn what became of them. */
export async function removeExports(deps: Omit<ExportDeps, 'snapshots'>, signal: AbortSignal): Promise<void> {
  const [rows] = await systemFlight(deps.sql, (tx) => [selectEndedExports(tx, EXPORTS)])
  for (const row of rows) {
    if (signal.aborted) return
    if (row.state === 'made') await expire(deps, row)
    if (await clear(deps, row, signal)) {
      await tenantFlight(deps.sql, wholeTenant(row.tenant_id), (tx) => [noteCleared(tx, row)])
    }
  }
}

async function expire(deps: Omit<ExportDeps, 'snapshots'>, row: ExportRow): Promise<void> {
  await tenantTransaction(deps.sql, wholeTenant(row.tenant_id), async (tx) => {
    const [expired] = await expireExport(tx, row)
    if (expired === undefined) return
    await outboxInsert(tx, [exportEvent(deps, 'export.expired', serviceContext(row.tenant_id, 'export'), expired)])
  })
  deps.relay.wake()
}

/** In small transactions; false when it was stopped before everything was gone. */
async function clear({ sql }: Omit<ExportDeps, 'snapshots'>, row: ExportRow, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    const [gone] = await tenantFlight(sql, wholeTenant(row.tenant_id), (tx) => [
      deleteSubjects(tx, row.tenant_id, row.id, SUBJECTS),
    ])
    if (gone.length === 0) return true
  }
  return false
}
