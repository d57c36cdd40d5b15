import type { MemoricEvent } from '@memoric/contracts/event.ts'

/** How the intake of events is doing. */
export interface IntakeProgress {
  /** Runs the intake of one batch and notes whether it went well. */
  watch<T>(work: () => Promise<T>): Promise<T>
  logged(events: readonly MemoricEvent[]): void
  buried(): void
  /** Ms since batches began to fail; 0 while they go well. */
  failingForMs(): number
  /** Events taken in and messages given up by this process, and how old the oldest event of the last batch was, ms. */
  figures(): { readonly logged: number; readonly dead: number; readonly delayMs: number }
}

export function createIntakeProgress(now: () => number): IntakeProgress {
  let failingSince: number | undefined
  let logged = 0
  let dead = 0
  let delayMs = 0
  return {
    async watch(work) {
      try {
        const result = await work()
        failingSince = undefined
        return result
      } catch (error) {
        failingSince ??= now()
        throw error
      }
    },
    logged(events) {
      logged += events.length
      const oldest = Math.min(...events.map(({ time }) => Date.parse(time)))
      if (events.length > 0) delayMs = Math.max(0, now() - oldest)
    },
    buried: () => void (dead += 1),
    failingForMs: () => (failingSince === undefined ? 0 : now() - failingSince),
    figures: () => ({ logged, dead, delayMs }),
  }
}
