import type { MemoryExport } from '@memoric/contracts/export-contract.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { Handlers } from '@memoric/service/implement-routes.ts'
import { wholeTenant } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { downloadExport } from './download-export.ts'
import { type ExportRow, sumCounts } from './export-repository.ts'
import { findExport } from './find-export.ts'
import { startExport } from './start-export.ts'

type Operation = 'startExport' | 'getExport' | 'downloadExport'

/** Handlers of the routes under /v1/privacy/exports. */
export function exportHandlers(deps: MemoryDeps): Pick<Handlers<'memory'>, Operation> {
  return {
    async startExport({ body, context }) {
      const row = await startExport(deps, context, body.subject_id ?? null, body.age_recipient ?? null)
      return { status: 202, body: exportView(row, []), headers: { location: `/v1/privacy/exports/${row.id}` } }
    },
    async getExport({ params, context }) {
      const row = await findExport(deps, context.caller, params.id)
      const [counts] = await tenantFlight(deps.sql, wholeTenant(row.tenant_id), (tx) => [
        sumCounts(tx, row.tenant_id, row.id),
      ])
      return { status: 200, body: exportView(row, counts) }
    },
    downloadExport: (call) => downloadExport(deps, call),
  }
}

function exportView(row: ExportRow, counts: readonly { kind: string; count: number }[]): MemoryExport {
  const { id, subject_id, age_recipient, state, total, done, created_at, made_at, expires_at } = row
  return {
    id,
    subject_id,
    age_recipient,
    state,
    total,
    done,
    counts: Object.fromEntries(counts.map(({ kind, count }) => [kind, count])),
    created_at: created_at.toISOString(),
    made_at: made_at?.toISOString() ?? null,
    expires_at: expires_at?.toISOString() ?? null,
  }
}
