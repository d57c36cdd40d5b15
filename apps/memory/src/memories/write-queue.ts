import type { QuotaName } from '@memoric/contracts/quota-contract.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { errorCode, isUnavailable } from '@memoric/postgres/database-error.ts'
import { tenantFlight, type Scope } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { OutboxEvent } from '@memoric/service/event-factory.ts'
import type { Claim } from '../idempotency/idempotency-repository.ts'
import { amountOf } from '../quotas/fitting-entries.ts'
import { OVER_QUOTA } from '../quotas/quota-repository.ts'
import { type Amount, plus, quotaExceeded } from '../quotas/quota-rules.ts'
import type { TenantUsages } from '../quotas/tenant-usage.ts'
import type { MemoryDraft } from './memory-draft.ts'
import { writeEntries, type WrittenRow } from './memory-repository.ts'
import { lockSubjects } from './subject-lock-repository.ts'
import { type Entry, mergeDrafts } from './merge-drafts.ts'
import { eventsOf, fatesOf, locksOf, madeOf } from './write-fates.ts'
import { writeFitting } from './write-fitting.ts'

/** A draft with its event, as it is told when the draft makes a memory and when it reinforces one. */
export interface DraftWrite {
  readonly draft: MemoryDraft
  readonly made: OutboxEvent
  readonly reinforced: OutboxEvent
}

/** What became of a draft that was written. */
export interface WrittenDraft {
  readonly row: WrittenRow
  /** The draft that made the row, if it was made now: this one, or the first with the same content. */
  readonly origin: MemoryDraft | undefined
  /** False when the content was known and its memory was reinforced. */
  readonly made: boolean
}

/** What became of a draft: it was written, or did not fit into a quota. */
export type DraftFate = WrittenDraft | { readonly refused: QuotaName }

export interface WriteQueue {
  /**
   * Writes the drafts in one transaction and resolves once it is committed; those that do not fit into a quota are left out.
   * What became of them is kept under `claim`, unless nothing was written. Throws DatabaseUnavailable, AppError `write_conflict`,
   * a unique violation when the claim is kept already; nothing is written then.
   */
  write(scope: Scope, writes: readonly DraftWrite[], claim?: Claim | null): Promise<DraftFate[]>
}

/** What one caller asked for. */
export interface WriteJob {
  readonly writes: readonly DraftWrite[]
  readonly claim: Claim | null
}

interface Job extends WriteJob {
  readonly resolve: (fates: DraftFate[]) => void
  readonly reject: (error: unknown) => void
}

/** Most drafts of one transaction, unless a single job has more. */
const DRAFTS = 500

/**
 * Lets writers of one scope that come at the same time share a transaction: while one runs, those who come wait, and then go
 * together. A lone writer never waits. Scopes never mix, so row security confines each transaction as it would each writer.
 */
export function createWriteQueue(sql: Sql, quotas: TenantUsages): WriteQueue {
  const lanes = new Map<string, Job[]>()

  return {
    write(scope, writes, claim = null) {
      return new Promise((resolve, reject) => {
        const key = JSON.stringify([scope.tenantId, scope.subjects, scope.namespaces])
        const job = { writes, claim, resolve, reject }
        const waiting = lanes.get(key)
        if (waiting !== undefined) {
          waiting.push(job)
          return
        }
        lanes.set(key, [job])
        void drain(key, scope)
      })
    },
  }

  async function drain(key: string, scope: Scope): Promise<void> {
    const waiting = lanes.get(key) ?? []
    while (waiting.length > 0) await runTogether(scope, takeJobs(waiting))
    lanes.delete(key)
  }

  async function runTogether(scope: Scope, jobs: readonly Job[]): Promise<void> {
    try {
      const fates = await commit({ sql, quotas }, scope, jobs)
      let from = 0
      for (const { writes, resolve } of jobs) resolve(fates.slice(from, (from += writes.length)))
    } catch (error) {
      await runApart(scope, jobs, error)
    }
  }

  /** One job must not fail for another's fault; without a database all fail for the same reason. */
  async function runApart(scope: Scope, jobs: readonly Job[], error: unknown): Promise<void> {
    const [only, ...others] = jobs
    if (only !== undefined && others.length === 0 && isOverQuota(error)) {
      await writeFitting({ sql, quotas }, scope, only).then(only.resolve, only.reject)
    } else if (others.length === 0 || isUnavailable(error)) for (const { reject } of jobs) reject(error)
    else for (const job of jobs) await runTogether(scope, [job])
  }
}

export interface WriteDeps {
  readonly sql: Sql
  readonly quotas: TenantUsages
}

function isOverQuota(error: unknown): boolean {
  return errorCode(error) === OVER_QUOTA || (error instanceof AppError && error.code === 'quota_exceeded')
}

/** As many jobs from the front as fit into one transaction, and at least one. */
function takeJobs(waiting: Job[]): Job[] {
  let drafts = 0
  const fitting = waiting.findIndex(({ writes }) => (drafts += writes.length) > DRAFTS)
  return waiting.splice(0, fitting === -1 ? waiting.length : Math.max(1, fitting))
}

/** Writes everything. Throws OVER_QUOTA, or AppError `quota_exceeded`, when that may not fit. */
async function commit({ sql, quotas }: WriteDeps, scope: Scope, jobs: readonly WriteJob[]): Promise<DraftFate[]> {
  const writes = jobs.flatMap((job) => job.writes)
  const { entries, asks } = mergeDrafts(writes.map(({ draft }) => draft))
  const { used, limits } = await quotas.of(scope.tenantId)
  requireRoom(used, entries, limits.tenant)
  const owners = jobs.flatMap(({ writes: own, claim }) => own.map(() => claim))
  const claims = asks.flatMap((ask, at) => {
    const claim = owners[at] ?? null
    return claim === null ? [] : [{ ...ask, claim }]
  })
  const [, rows] = await tenantFlight(sql, scope, (tx) => [
    lockSubjects(tx, scope.tenantId, locksOf(entries)),
    writeEntries(tx, scope.tenantId, entries, eventsOf(writes, asks), limits.subject, claims),
  ])
  const fates = fatesOf(entries, asks, rows)
  quotas.add(scope.tenantId, madeOf(entries, rows))
  return fates
}

/** Whether there is room for all of them, also if none is known. Throws AppError `quota_exceeded`. */
function requireRoom(used: Amount, entries: readonly Entry[], limit: Amount): void {
  const then = entries.reduce((sum, entry) => plus(sum, amountOf(entry)), used)
  if (then.memories > limit.memories) throw quotaExceeded('tenant.memories')
  if (then.bytes > limit.bytes) throw quotaExceeded('tenant.bytes')
}
