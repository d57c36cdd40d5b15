import type { AuditFilters } from '@memoric/contracts/audit-contract.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { findLogs, type LogRow } from '../log/log-page-repository.ts'
import { wholeTenant } from '../log/log-readers.ts'

export type LogChunk = readonly LogRow[]

/** Lines held in memory at a time. */
const CHUNK = 500

/**
 * The lines up to the one numbered `last`, oldest first. Each part is a transaction of its own that goes on after the last line
 * of the one before: however slow the reader is, nothing is held open for it.
 */
export async function* readChunks(
  sql: Sql,
  tenantId: string,
  query: AuditFilters,
  last: number,
): AsyncGenerator<LogChunk> {
  for (let above = 0; above < last;) {
    const page = { tenantId, above, below: last + 1, descending: false, limit: CHUNK }
    const [rows] = await tenantFlight(sql, wholeTenant(tenantId), (tx) => [findLogs(tx, query, page)])
    const end = rows.at(-1)
    if (end === undefined) return
    yield rows
    if (rows.length < CHUNK) return
    above = end.tenant_seq
  }
}
