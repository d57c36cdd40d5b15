import type { Sql } from '@memoric/postgres/client.ts'
import { isUnavailable } from '@memoric/postgres/database-error.ts'
import { tenantFlight, type Scope } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { OutboxEvent } from '@memoric/service/event-factory.ts'
import type { MemoryDraft } from './memory-draft.ts'
import { lockSubjects, writeEntries, type WrittenRow } from './memory-repository.ts'
import { mergeDrafts } from './merge-drafts.ts'

/** A draft with its event, as it is told when the draft makes a memory and when it reinforces one. */
export interface DraftWrite {
  readonly draft: MemoryDraft
  readonly made: OutboxEvent
  readonly reinforced: OutboxEvent
}

/** What became of a draft. */
export interface DraftFate {
  readonly row: WrittenRow
  /** The draft that made the row, if it was made now: this one, or the first with the same content. */
  readonly origin: MemoryDraft | undefined
  /** False when the content was known and its memory was reinforced. */
  readonly made: boolean
}

export interface WriteQueue {
  /** Writes all drafts in one transaction, or none, and resolves once it is committed. Throws DatabaseUnavailable, AppError `write_conflict`. */
  write(scope: Scope, writes: readonly DraftWrite[]): Promise<DraftFate[]>
}

interface Job {
  readonly writes: readonly DraftWrite[]
  readonly resolve: (fates: DraftFate[]) => void
  readonly reject: (error: unknown) => void
}

/** Most drafts of one transaction, unless a single job has more. */
const DRAFTS = 500

/**
 * Lets writers of one scope that come at the same time share a transaction: while one runs, those who come wait, and then go
 * together. A lone writer never waits. Scopes never mix, so row security confines each transaction as it would each writer.
 */
export function createWriteQueue(sql: Sql): WriteQueue {
  const lanes = new Map<string, Job[]>()

  return {
    write(scope, writes) {
      return new Promise((resolve, reject) => {
        const key = JSON.stringify([scope.tenantId, scope.subjects, scope.namespaces])
        const job = { writes, resolve, reject }
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
      const fates = await commit(
        sql,
        scope,
        jobs.flatMap(({ writes }) => writes),
      )
      let from = 0
      for (const { writes, resolve } of jobs) resolve(fates.slice(from, (from += writes.length)))
    } catch (error) {
      await runApart(scope, jobs, error)
    }
  }

  /** One job must not fail for another's fault; without a database all fail for the same reason. */
  async function runApart(scope: Scope, jobs: readonly Job[], error: unknown): Promise<void> {
    if (jobs.length === 1 || isUnavailable(error)) for (const { reject } of jobs) reject(error)
    else for (const job of jobs) await runTogether(scope, [job])
  }
}

/** As many jobs from the front as fit into one transaction, and at least one. */
function takeJobs(waiting: Job[]): Job[] {
  let drafts = 0
  const fitting = waiting.findIndex(({ writes }) => (drafts += writes.length) > DRAFTS)
  return waiting.splice(0, fitting === -1 ? waiting.length : Math.max(1, fitting))
}

async function commit(sql: Sql, scope: Scope, writes: readonly DraftWrite[]): Promise<DraftFate[]> {
  const { entries, asks } = mergeDrafts(writes.map(({ draft }) => draft))
  const told = asks.map((ask, at) => ({ ask, ...eventsAt(writes, at) }))
  const locks = [...new Map(entries.map(({ draft }) => [`${draft.keyVersion} ${draft.subjectId}`, draft])).values()]
  const [, rows] = await tenantFlight(sql, scope, (tx) => [
    lockSubjects(tx, scope.tenantId, locks),
    writeEntries(tx, scope.tenantId, entries, told),
  ])
  const written = new Map(rows.map((row) => [row.entry_id, row]))
  const origins = new Map(entries.map(({ draft }) => [String(draft.id), draft]))
  return asks.map(({ entryId, isFirst }) => {
    const row = written.get(entryId)
    // Its subject went away while it was being written.
    if (row === undefined) throw new AppError('write_conflict')
    const isNew = row.sealed === null
    return { row, made: isFirst && isNew, origin: isNew ? origins.get(entryId) : undefined }
  })
}

function eventsAt(writes: readonly DraftWrite[], at: number) {
  const write = writes[at]
  if (write === undefined) throw new RangeError('a draft without events')
  return { made: write.made, reinforced: write.reinforced }
}
