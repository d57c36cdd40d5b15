/** Keeps from asking someone who does not answer. */
export interface CircuitBreaker {
  /** Whether to ask now: after a failure one at a time, and only when the pause is over. */
  admits(): boolean
  /** Ms until it admits again. */
  pause(): number
  succeeded(): void
  /** `atLeastMs` is what the other side asked for. */
  failed(atLeastMs?: number): void
}

export interface CircuitBreakerOptions {
  /** So many failures in a row are borne. */
  readonly patience: number
  readonly firstPauseMs: number
  readonly longestPauseMs: number
  readonly now?: () => number
  readonly random?: () => number
}

/** Pauses double with every failure, and part of them is left to chance. */
export function createCircuitBreaker({
  patience,
  firstPauseMs,
  longestPauseMs,
  now = Date.now,
  random = Math.random,
}: CircuitBreakerOptions): CircuitBreaker {
  let failures = 0
  let openUntil = 0
  return {
    admits() {
      if (now() < openUntil) return false
      // The next ones wait for what becomes of this one.
      if (failures >= patience) openUntil = now() + firstPauseMs
      return true
    },
    pause: () => Math.max(0, openUntil - now()),
    succeeded() {
      failures = 0
      openUntil = 0
    },
    failed(atLeastMs = 0) {
      failures += 1
      const doubled = firstPauseMs * 2 ** Math.min(20, Math.max(0, failures - patience))
      const pause = failures < patience ? 0 : Math.min(longestPauseMs, doubled) * (1 - random() / 4)
      openUntil = Math.max(openUntil, now() + Math.max(pause, atLeastMs))
    },
  }
}
