import type { Logger } from '@memoric/service/logger.ts'
import { internalContext } from '../internal-context.ts'
import { runRetention, type RetentionRunDeps } from './run-retention.ts'

export interface KeepRetentionDeps extends RetentionRunDeps {
  readonly log: Pick<Logger, 'error' | 'info'>
  readonly defaultRetentionDays: number | null
}

const DAY_MS = 86_400_000
/** After the start, when there is less to do. */
const FIRST_MS = 60_000

/** Drops what may go, a minute after the start and then every day. A day that fails is made up for on the next. */
export function keepRetention(deps: KeepRetentionDeps): { stop: () => void } {
  const first = setTimeout(run, FIRST_MS).unref()
  const timer = setInterval(run, DAY_MS).unref()

  function run(): void {
    runRetention(deps, deps.defaultRetentionDays, internalContext('service:audit'))
      .then((runs) => {
        if (runs.length > 0) deps.log.info({ runs }, 'lines whose time is over were dropped')
      })
      .catch((error: unknown) => deps.log.error({ err: error }, 'retention could not run'))
  }

  return {
    stop() {
      clearTimeout(first)
      clearInterval(timer)
    },
  }
}
