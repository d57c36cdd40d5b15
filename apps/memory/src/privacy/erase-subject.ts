import { setTimeout as sleep } from 'node:timers/promises'
import type { Erasure } from '@memoric/contracts/privacy-contract.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { requireSubject } from '@memoric/service/caller-limits.ts'
import type { Caller } from '@memoric/contracts/caller.ts'
import type { Handlers } from '@memoric/service/implement-routes.ts'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { beginErasure } from './begin-erasure.ts'
import { type ErasureRow, selectErasure } from './erasure-repository.ts'

/** Longest time that a request waits for its receipt, ms; then the erasure goes on in the background. */
const WAIT_MS = 8_000

/** Handlers of the routes about erasures. */
export function erasureHandlers(deps: MemoryDeps): Pick<Handlers<'memory'>, 'eraseSubject' | 'getErasure'> {
  return {
    async eraseSubject({ params: { id: subjectId }, context }) {
      requireWholeSubject(context.caller, subjectId)
      const begun = await beginErasure(deps, context, subjectId)
      if (begun.step !== 'done') await work(deps, begun)
      const row = await find(deps, context.caller, begun.id)
      const headers = { location: `/v1/privacy/erasures/${row.id}` }
      return { status: row.step === 'done' ? 200 : 202, body: erasureView(row), headers }
    },
    async getErasure({ params: { id }, context: { caller } }) {
      return { status: 200, body: erasureView(await find(deps, caller, id)) }
    },
  }
}

/** Throws AppError `subject_not_allowed`, `namespace_not_allowed` unless the credential may do anything with the subject. */
export function requireWholeSubject(caller: Caller, subjectId: string): void {
  requireSubject(caller, subjectId)
  if (caller.namespaces === '*') return
  throw new AppError('namespace_not_allowed', { detail: 'a credential for every namespace of the subject is needed' })
}

/** What fails goes on in the background: the keys are destroyed already, and that is not to be asked for again. */
async function work(deps: MemoryDeps, row: ErasureRow): Promise<void> {
  const patience = new AbortController()
  const working = deps.erasures.run(row).catch((error: unknown) => {
    deps.log.warn({ err: error, erasure: row.id }, 'an erasure goes on later')
  })
  const waiting = sleep(WAIT_MS, undefined, { signal: patience.signal }).catch(() => undefined)
  await Promise.race([working, waiting])
  patience.abort()
}

async function find(deps: MemoryDeps, caller: Caller, id: string): Promise<ErasureRow> {
  const [[row]] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [selectErasure(tx, caller.tenantId, id)])
  if (row === undefined) throw new AppError('erasure_not_found')
  return row
}

function erasureView(row: ErasureRow): Erasure {
  return {
    id: row.id,
    subject_id: row.subject_id,
    state: row.step === 'done' ? 'done' : 'running',
    step: row.step,
    keys_destroyed: row.keys_destroyed,
    counts: { ...row.counts },
    log_held: row.log_held,
    requested_at: row.requested_at.toISOString(),
    finished_at: row.finished_at?.toISOString() ?? null,
    receipt: row.receipt,
  }
}
