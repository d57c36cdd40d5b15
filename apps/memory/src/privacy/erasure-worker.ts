import { systemFlight, tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { wholeTenant } from '../keys/subject-keys.ts'
import { type ErasureRow, selectErasure, selectHeldErasures, selectRunningErasures } from './erasure-repository.ts'
import { endHeldErasure, ERASURE_STEPS, type ErasureDeps } from './erasure-steps.ts'

export interface ErasureWorker {
  /** Goes on with an erasure as far as it goes now. */
  run(row: ErasureRow): Promise<void>
  /** Erasures that run, of those seen last. */
  running(): number
  close(): Promise<void>
}

const ERASURES = 50
/** Legal holds last: whether one has ended is asked at every so many looks. */
const LOOKS_BETWEEN_HELD = 12

/** Ends erasures that other processes began and left behind, and those that had to wait. Any number of processes may work on one. */
export function createErasureWorker(deps: ErasureDeps, everyMs = 5_000): ErasureWorker {
  const stopping = new AbortController()
  const busy = new Map<string, Promise<void>>()
  let running = 0
  let looks = 0
  let timer: NodeJS.Timeout | undefined
  let looking = look()
  return {
    run,
    running: () => running,
    async close() {
      stopping.abort()
      clearTimeout(timer)
      await looking
      await Promise.allSettled(busy.values())
    },
  }

  function run(row: ErasureRow): Promise<void> {
    const known = busy.get(row.id)
    if (known !== undefined) return known
    const work = advance(row).finally(() => busy.delete(row.id))
    busy.set(row.id, work)
    return work
  }

  async function advance(begun: ErasureRow): Promise<void> {
    for (let row = begun; row.step !== 'done' && !stopping.signal.aborted; row = await current(row)) {
      if (!(await ERASURE_STEPS[row.step](deps, row, stopping.signal))) return
    }
  }

  async function current(row: ErasureRow): Promise<ErasureRow> {
    const [[now]] = await tenantFlight(deps.sql, wholeTenant(row.tenant_id), (tx) => [
      selectErasure(tx, row.tenant_id, row.id),
    ])
    if (now === undefined) throw new Error('an erasure has gone')
    return now
  }

  async function look(): Promise<void> {
    await goOn().catch((error: unknown) => deps.log.warn({ err: error }, 'erasures go on later'))
    if (!stopping.signal.aborted) timer = setTimeout(() => void (looking = look()), everyMs).unref()
  }

  async function goOn(): Promise<void> {
    const [rows] = await systemFlight(deps.sql, (tx) => [selectRunningErasures(tx, ERASURES)])
    running = rows.length
    const outcomes = await Promise.allSettled(rows.map(run))
    if (looks++ % LOOKS_BETWEEN_HELD === 0) await endHeld()
    const failed = outcomes.find(({ status }) => status === 'rejected')
    if (failed?.status === 'rejected') throw failed.reason
  }

  async function endHeld(): Promise<void> {
    const [held] = await systemFlight(deps.sql, (tx) => [selectHeldErasures(tx, ERASURES)])
    await Promise.all(held.map((row) => endHeldErasure(deps, row, stopping.signal)))
  }
}
