import { canonicalJson } from '@memoric/crypto/canonical-json.ts'
import type { ErasureRow } from './erasure-repository.ts'

/** What a receipt says, as the text of a note: one line of canonical JSON (RFC 8785). */
export function receiptText(row: ErasureRow, finishedAt: Date): string {
  const said = {
    format: 'memoric-erasure-receipt/1',
    erasure_id: row.id,
    tenant_id: row.tenant_id,
    subject_id: row.subject_id,
    requested_at: row.requested_at.toISOString(),
    finished_at: finishedAt.toISOString(),
    keys_destroyed: row.keys_destroyed,
    rows_deleted: row.counts,
    processes_confirmed: row.processes,
    log_keys_destroyed: row.log_keys_destroyed,
    log_held: row.log_held,
  }
  return `${canonicalJson(said)}\n`
}
