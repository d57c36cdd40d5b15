import type { AuditExportHeader, AuditExportLine, AuditExportTrailer } from '@memoric/contracts/audit-contract.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { latestCheckpoint } from '../checkpoints/checkpoint-repository.ts'
import { canonicalOf } from '../tree/canonical-line.ts'
import { linesFrom } from '../tree/line-repository.ts'
import { createExportProof } from './export-proof.ts'

/** Lines of one transaction. */
const STRETCH = 1000

/** The whole log under its last checkpoint, of all tenants and without personal data, as lines of NDJSON. */
export async function* exportWholeLog(sql: Sql): AsyncGenerator<string> {
  const checkpoint = await systemTransaction(sql, latestCheckpoint)
  if (checkpoint === undefined) throw new Error('The log has no checkpoint yet: start the audit service once.')
  const { size, note } = checkpoint
  yield line({
    format: 'memoric-audit-export/1',
    checkpoint: note,
    tenant_id: null,
    complete: true,
  } satisfies AuditExportHeader)
  const proof = createExportProof(size)
  let count = 0
  for (let next = 0; next < size;) {
    const first = next
    const lines = await systemTransaction(sql, async (tx): Promise<AuditExportLine[]> => {
      const rows = (await linesFrom(tx, first, STRETCH)).filter(({ log_index }) => log_index < size)
      const proofs = await proof.lines(
        tx,
        rows.map(({ log_index }) => log_index),
      )
      return rows.flatMap((row, at) => {
        const part = proofs[at]
        return part === undefined ? [] : { log_index: row.log_index, canonical: canonicalOf(row), ...part }
      })
    })
    yield* lines.map(line)
    const last = lines.at(-1)
    if (last === undefined) break
    count += lines.length
    next = last.log_index + 1
  }
  const skip = await systemTransaction(sql, proof.rest)
  yield line({ lines: count, skip } satisfies AuditExportTrailer)
}

function line(value: object): string {
  return JSON.stringify(value)
}
