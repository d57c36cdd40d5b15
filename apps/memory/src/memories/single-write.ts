import type { Tx } from '@memoric/postgres/lease.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { scopeOf } from '../caller-scope.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { consentFor } from '../privacy/consent-rules.ts'
import { requireConsent } from '../privacy/require-consent.ts'
import type { Amount } from '../quotas/quota-rules.ts'
import { withQuotas } from '../quotas/single-write-quotas.ts'
import type { TenantUsage } from '../quotas/tenant-usage.ts'
import { lockSubjects } from './subject-lock-repository.ts'
import { withFreshKeys } from './stale-keys.ts'

/** What a write added to what is stored as memories, and as which change of its subject; null when it changed no memory. */
export interface SingleWrite {
  readonly added: Amount
  readonly change: number | null
}

/**
 * Runs one write of content of one subject in a transaction, with the subject locked, its consent and the quotas kept, and tells the
 * others of it. Throws AppError `quota_exceeded`, and as requireConsent.
 */
export async function singleWrite<R extends SingleWrite>(
  deps: MemoryDeps,
  { caller }: RequestContext,
  subjectId: string,
  write: (tx: Tx, keys: SubjectKeys, usage: TenantUsage) => Promise<R>,
): Promise<R> {
  const { tenantId } = caller
  await requireConsent(deps, caller, subjectId)
  const written = await withQuotas(deps, tenantId, (usage) =>
    withFreshKeys(deps, { tenant_id: tenantId, subject_id: subjectId }, () =>
      deps.keys.forWriting(tenantId, subjectId, (keys) =>
        tenantTransaction(deps.sql, scopeOf(caller), async (tx) => {
          const lock = { subjectId, keyVersion: keys.content.current().id, consent: consentFor(caller) }
          await lockSubjects(tx, tenantId, [lock])
          return write(tx, keys, usage)
        }),
      ),
    ),
  )
  deps.relay.wake()
  deps.quotas.add(tenantId, written.added)
  if (written.change !== null) deps.indexes.changed({ tenantId, subjectId }, [written.change])
  return written
}
