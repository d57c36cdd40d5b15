import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '@memoric/service/logger.ts'
import type { StoredCheckpoint } from '../checkpoints/checkpoint-repository.ts'
import type { Anchor } from './anchor.ts'

export interface AnchoringOptions {
  readonly anchors: readonly Anchor[]
  /** Least time between two checkpoints at one anchor, ms. */
  readonly intervalMs: number
  /** First pause after a failure, ms; it doubles up to five minutes. */
  readonly retryMs?: number
  readonly log: Pick<Logger, 'warn' | 'info'>
}

/** Brings checkpoints to the anchors, each at its own pace: one that fails holds up neither the log nor the others. */
export interface Anchoring {
  /** There is a newer checkpoint; those between are left out where an anchor is behind. */
  offer(checkpoint: StoredCheckpoint): void
  /** Anchors whose last attempt failed, and checkpoints that were brought to any. */
  figures(): { readonly failing: number; readonly published: number }
  close(): Promise<void>
}

const RETRY_MS = 2000
const MAX_RETRY_MS = 300_000

export function createAnchoring({ anchors, intervalMs, retryMs = RETRY_MS, log }: AnchoringOptions): Anchoring {
  const closing = new AbortController()
  const keepers = anchors.map((anchor) => keep(anchor))
  let published = 0

  function keep(anchor: Anchor) {
    let due: StoredCheckpoint | undefined
    let failures = 0
    let working: Promise<void> | undefined

    /** Gives how long to rest, ms. */
    async function attempt(checkpoint: StoredCheckpoint): Promise<number> {
      try {
        await anchor.publish(checkpoint)
        if (failures > 0) log.info({ anchor: anchor.name }, 'checkpoints reach the anchor again')
        failures = 0
        published += 1
        return intervalMs
      } catch (error) {
        failures += 1
        due ??= checkpoint
        log.warn(
          { err: error, anchor: anchor.name, size: checkpoint.size },
          'a checkpoint did not reach the anchor; it is tried again',
        )
        return Math.min(retryMs * 2 ** (failures - 1), MAX_RETRY_MS)
      }
    }

    async function work(): Promise<void> {
      for (let next = take(); next !== undefined && !closing.signal.aborted; next = take()) {
        const rest = await attempt(next)
        await sleep(rest, undefined, { signal: closing.signal, ref: false }).catch(() => undefined)
      }
      working = undefined
    }

    function take(): StoredCheckpoint | undefined {
      const next = due
      due = undefined
      return next
    }

    return {
      offer: (checkpoint: StoredCheckpoint) => {
        due = checkpoint
        working ??= work()
      },
      isFailing: () => failures > 0,
      finish: () => working ?? Promise.resolve(),
    }
  }

  return {
    offer: (checkpoint) => keepers.forEach(({ offer }) => offer(checkpoint)),
    figures: () => ({ failing: keepers.filter(({ isFailing }) => isFailing()).length, published }),
    async close() {
      closing.abort()
      await Promise.all(keepers.map(({ finish }) => finish()))
    },
  }
}
