import type { QuotaName } from '@memoric/contracts/quota-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { type Scope, tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { insertKept, type KeptRequest } from '../idempotency/idempotency-repository.ts'
import { refusals } from '../quotas/fitting-entries.ts'
import { selectSubjectAmounts } from '../quotas/quota-repository.ts'
import { type Amount, NOTHING } from '../quotas/quota-rules.ts'
import type { TenantUsage } from '../quotas/tenant-usage.ts'
import { selectKnown, writeEntries } from './memory-repository.ts'
import { lockSubjects } from './subject-lock-repository.ts'
import { type Ask, type Entry, mergeDrafts } from './merge-drafts.ts'
import { eventsOf, fatesOf, locksOf, madeOf } from './write-fates.ts'
import type { DraftFate, WriteDeps, WriteJob } from './write-queue.ts'

/** Writes those drafts of a job that fit into every quota: in steps, since what is stored must be known first. */
export async function writeFitting(
  { sql, quotas }: WriteDeps,
  scope: Scope,
  { writes, claim }: WriteJob,
): Promise<DraftFate[]> {
  const { entries, asks } = mergeDrafts(writes.map(({ draft }) => draft))
  const usage = await quotas.fresh(scope.tenantId)
  const { all, made } = await tenantTransaction(sql, scope, async (tx) => {
    const refused = await readRefusals(tx, scope.tenantId, entries, usage)
    const fitting = entries.filter(({ draft }) => !refused.has(draft.id))
    if (fitting.length === 0) return { all: asks.map((ask) => refusalOf(refused, ask)), made: NOTHING }
    const told = eventsOf(writes, asks).filter(({ ask }) => !refused.has(ask.entryId))
    const written = told.map(({ ask }) => ask)
    const rows = await writeEntries(tx, scope.tenantId, fitting, told, usage.limits.subject)
    const fates = fatesOf(fitting, written, rows)
    const fateOf = new Map<Ask, DraftFate | undefined>(written.map((ask, at) => [ask, fates[at]]))
    const all = asks.map((ask) => fateOf.get(ask) ?? refusalOf(refused, ask))
    if (claim !== null) await insertKept(tx, scope.tenantId, claim, all.map(keptItem))
    return { all, made: madeOf(fitting, rows) }
  })
  quotas.add(scope.tenantId, made)
  for (const fate of all) if ('refused' in fate) quotas.noteRefusal(fate.refused)
  return all
}

async function readRefusals(
  tx: Tx,
  tenantId: string,
  entries: readonly Entry[],
  { used, limits }: TenantUsage,
): Promise<Map<string, QuotaName>> {
  const locks = locksOf(entries)
  const subjectIds = locks.map(({ subjectId }) => subjectId)
  const [, amounts, known] = await Promise.all([
    lockSubjects(tx, tenantId, locks),
    selectSubjectAmounts(tx, tenantId, subjectIds),
    selectKnown(tx, tenantId, entries),
  ])
  const subjects = new Map<string, Amount>(amounts.map((amount) => [amount.subject_id, amount]))
  return refusals(entries, new Set(known.map(({ id }) => id)), { subjects, tenant: used, limits })
}

function refusalOf(refused: ReadonlyMap<string, QuotaName>, { entryId }: Ask): DraftFate {
  const quota = refused.get(entryId)
  if (quota === undefined) throw new RangeError('an ask that was not refused')
  return { refused: quota }
}

function keptItem(fate: DraftFate): KeptRequest['items'][number] {
  if ('refused' in fate) return fate
  const { row, made } = fate
  return { id: row.id, version: row.version, count: row.seen_count, made }
}
