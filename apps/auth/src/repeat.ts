import type { Logger } from '@memoric/service/logger.ts'

export interface RepeatOptions {
  /** What the work is, for the log. */
  readonly name: string
  /** Longest pause between the end of one run and the next, ms. */
  readonly everyMs: number
  readonly work: () => Promise<unknown>
  readonly log: Pick<Logger, 'warn'>
}

/** Work that is done again and again in the background. */
export interface Repeated {
  /** Waits for the run that is under way. */
  close(): Promise<void>
}

/** Part of a pause that is left to chance, so that replicas which started together do not work together for ever. */
const JITTER = 0.2

/** Runs `work` after each pause; a run that fails is logged, and the next one comes all the same. The first pause comes first. */
export function repeat({ name, everyMs, work, log }: RepeatOptions): Repeated {
  let closed = false
  let timer: NodeJS.Timeout
  let running = Promise.resolve()

  function schedule(): void {
    if (!closed) timer = setTimeout(begin, everyMs * (1 - JITTER * Math.random())).unref()
  }

  function begin(): void {
    running = run().then(schedule)
  }

  async function run(): Promise<void> {
    try {
      await work()
    } catch (error) {
      log.warn({ err: error, work: name }, 'work in the background failed; it will be tried again')
    }
  }

  schedule()
  return {
    close() {
      closed = true
      clearTimeout(timer)
      return running
    },
  }
}
