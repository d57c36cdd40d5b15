import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import { type ErasePersonDeps, type ErasureRef, finishErasure } from './erase-person.ts'
import { selectReleased } from './person-erasure-repository.ts'

/** Ends the erasures that waited for the end of a legal hold. */
export interface HeldErasures {
  /** Call when a hold has ended. */
  wake(): void
  close(): Promise<void>
}

const EVERY_MS = 60_000
const ERASURES = 100

/** Looks now and then until closed: a hold may end in another process. Never throws. */
export function endHeldErasures(deps: ErasePersonDeps, everyMs: number = EVERY_MS): HeldErasures {
  let running: Promise<void> | undefined
  let asked = 0

  async function work(): Promise<void> {
    for (let seen = -1; seen !== asked;) {
      seen = asked
      const [released] = await systemFlight(deps.sql, (tx) => [selectReleased(tx, ERASURES)])
      for (const erasure of released) await finish(erasure)
    }
  }

  /** One that cannot be ended does not keep the others waiting. */
  async function finish(erasure: ErasureRef): Promise<void> {
    try {
      await finishErasure(deps, erasure)
    } catch (error) {
      deps.log.warn({ err: error, erasure: erasure.erasureId }, 'an erasure that was held is ended later')
    }
  }

  function wake(): void {
    asked += 1
    running ??= work()
      .catch((error: unknown) => deps.log.warn({ err: error }, 'erasures that were held are ended later'))
      .finally(() => {
        running = undefined
      })
  }

  const timer = setInterval(wake, everyMs).unref()
  return {
    wake,
    async close() {
      clearInterval(timer)
      await running
    },
  }
}
