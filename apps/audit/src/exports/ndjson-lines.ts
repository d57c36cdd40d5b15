import type { AuditExportHeader, AuditExportLine, AuditExportTrailer } from '@memoric/contracts/audit-contract.ts'
import type { TenantId } from '@memoric/contracts/ids.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { StoredCheckpoint } from '../checkpoints/checkpoint-repository.ts'
import { type OpeningDeps, type PersonalRow } from '../log/audit-log-view.ts'
import type { LogRow } from '../log/log-page-repository.ts'
import { openDisclosure } from '../personal/seal-personal.ts'
import type { AwaitCheckpointDeps } from '../proofs/await-checkpoint.ts'
import { createExportProof, type LineProof } from '../proofs/export-proof.ts'
import { canonicalOf } from '../tree/canonical-line.ts'
import type { LogChunk } from './read-chunks.ts'

export interface NdjsonDeps extends OpeningDeps, AwaitCheckpointDeps {
  readonly sql: Sql
}

export interface NdjsonExport {
  readonly tenantId: TenantId
  /** Whether no filter leaves out lines of the tenant. */
  readonly isComplete: boolean
  readonly checkpoint: StoredCheckpoint
}

/** Lines that can be verified without a network: each with what joins it to the one before under the checkpoint. */
export async function* ndjsonLines(
  deps: NdjsonDeps,
  { tenantId, isComplete, checkpoint }: NdjsonExport,
  chunks: AsyncIterable<LogChunk>,
): AsyncGenerator<string> {
  const proof = createExportProof(checkpoint.size)
  const header: AuditExportHeader = {
    format: 'memoric-audit-export/1',
    checkpoint: checkpoint.note,
    tenant_id: tenantId,
    complete: isComplete,
  }
  yield `${JSON.stringify(header)}\n`
  let lines = 0
  for await (const chunk of chunks) {
    const indexes = chunk.map((row) => row.log_index)
    const proofs = await systemTransaction(deps.sql, (tx) => proof.lines(tx, indexes))
    lines += chunk.length
    yield chunk.map((row, at) => `${JSON.stringify(exportLine(deps, row, proofs[at]))}\n`).join('')
  }
  const trailer: AuditExportTrailer = { lines, skip: await systemTransaction(deps.sql, (tx) => proof.rest(tx)) }
  yield `${JSON.stringify(trailer)}\n`
}

function exportLine(deps: OpeningDeps, row: LogRow, proof: LineProof | undefined): AuditExportLine {
  if (proof === undefined) throw new Error('a line without its proof')
  const personal = disclosed(deps, row)
  return { log_index: row.log_index, canonical: canonicalOf(row), ...proof, ...(personal !== null && { personal }) }
}

/** Null once the key of the actor is destroyed, and beside lines from before there were commitments. */
function disclosed({ actorKeys, log }: OpeningDeps, row: PersonalRow): AuditExportLine['personal'] {
  const { actor, sealed, key_id: keyId, wrapped, tenant_id: tenantId, event_id: eventId } = row
  if (actor === null || sealed === null || keyId === null || wrapped === null) return null
  try {
    const { key } = actorKeys.open({ tenantId, actor, keyId, wrapped })
    const { salt, personal } = openDisclosure(key, { tenantId, actor, eventId }, sealed)
    return salt === null ? null : { salt, ...personal }
  } catch (error) {
    log.error({ err: error, event_id: eventId }, 'personal data does not open under the key of its actor')
    return null
  }
}
