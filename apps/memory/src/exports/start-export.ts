import type { ExportId } from '@memoric/contracts/ids.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { requireSubject } from '@memoric/service/caller-limits.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import { wholeTenant } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { selectSubjectState } from '../search/segment-repository.ts'
import { checkAgeRecipient } from './age-encryption.ts'
import { exportEvent } from './export-event.ts'
import { countRunningExports, type ExportRow, insertExport, selectKeptUntil } from './export-repository.ts'
import { requireEveryNamespace } from './find-export.ts'

/** Exports of the same subject, or of the whole tenant, that are kept at a time: each takes as much room as what is in it. */
const KEPT_EXPORTS = 5

/**
 * Asks for an export of a subject, or of the tenant when none is named.
 * Throws AppError `permission_denied`, `namespace_not_allowed`, `subject_not_allowed`, `subject_not_found`, `validation_failed`,
 * `too_many_exports`.
 */
export async function startExport(
  deps: MemoryDeps,
  context: RequestContext,
  subjectId: string | null,
  ageRecipient: string | null,
): Promise<ExportRow> {
  requireExportable(context, subjectId)
  if (ageRecipient !== null) await checkAgeRecipient(ageRecipient)
  const { tenantId, principal } = context.caller
  const row = await tenantTransaction(deps.sql, wholeTenant(tenantId), async (tx) => {
    if (subjectId !== null) {
      const [subject] = await selectSubjectState(tx, { tenantId, subjectId })
      if (subject === undefined) throw new AppError('subject_not_found')
    }
    if ((await countRunningExports(tx, tenantId)) >= deps.runningExports) {
      throw new AppError('too_many_exports', { retryAfter: 60 })
    }
    const [kept] = await selectKeptUntil(tx, tenantId, subjectId, KEPT_EXPORTS)
    if (kept !== undefined) {
      const detail = `${KEPT_EXPORTS} exports of the same are kept already: download one of them, or wait until it has gone`
      throw new AppError('too_many_exports', { retryAfter: kept.seconds, detail })
    }
    const asked = { tenant_id: tenantId, id: uuidV7() as ExportId, subject_id: subjectId, age_recipient: ageRecipient }
    const [made] = await insertExport(tx, { ...asked, requested_by: `${principal.type}:${principal.id}` })
    if (made === undefined) throw new Error('an inserted row was not returned')
    await outboxInsert(tx, [exportEvent(deps, 'export.requested', context, made)])
    return made
  })
  deps.relay.wake()
  deps.exports.wake()
  return row
}

function requireExportable({ caller }: RequestContext, subjectId: string | null): void {
  requireEveryNamespace(caller)
  if (subjectId !== null) requireSubject(caller, subjectId)
  else if (caller.subjects !== '*') {
    throw new AppError('permission_denied', {
      detail: 'a credential without limits is needed for an export of the tenant',
    })
  }
}
