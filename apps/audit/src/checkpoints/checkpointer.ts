import { setTimeout as sleep } from 'node:timers/promises'
import type { TreeHead } from '@memoric/crypto/merkle-proof.ts'
import type { SealingKey } from '@memoric/crypto/sealed-box.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { systemFlight, systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { Logger } from '@memoric/service/logger.ts'
import { type CheckpointKeys, loadCheckpointKeys } from './checkpoint-keys.ts'
import type { StoredCheckpoint } from './checkpoint-repository.ts'
import { ForkedLogError, signCheckpoint } from './sign-checkpoint.ts'

export interface CheckpointerOptions {
  readonly sql: Sql
  readonly credentials: SealingKey
  readonly keys: CheckpointKeys
  readonly log: Pick<Logger, 'error' | 'warn'>
  /** Told of each checkpoint that this process made. */
  readonly onCheckpoint?: (checkpoint: StoredCheckpoint) => void
  /** Least time between two checkpoints of this process, ms. */
  readonly intervalMs?: number
  readonly now?: () => number
}

/** Signs the tree whenever it has grown, at a bounded rate. */
export interface Checkpointer {
  /** The tree has grown, or may have. */
  wake(): void
  /** Signs what there is now, and reads the keys anew. Rejects when that cannot be done. */
  sign(): Promise<void>
  /** Whether the log in the database does not continue what was signed. */
  isForked(): boolean
  /** Checkpoints that this process signed, and the size of the last one. */
  figures(): { readonly signed: number; readonly size: number }
  close(): Promise<void>
}

const INTERVAL_MS = 250
const RETRY_MS = 2000
/** A fork does not go away by itself. */
const FORKED_MS = 30_000

/** Does nothing while nobody wakes it. */
export function createCheckpointer(options: CheckpointerOptions): Checkpointer {
  const { sql, credentials, log, intervalMs = INTERVAL_MS, now = Date.now } = options
  const closing = new AbortController()
  const current = { keys: options.keys }
  let seen: TreeHead | undefined
  let signed = 0
  let forked = false
  let isDue = false
  let working: Promise<void> | undefined

  async function sign(): Promise<void> {
    current.keys = await currentKeys(sql, credentials, current.keys)
    const checkpoint = await systemTransaction(sql, (tx) => signCheckpoint(tx, current.keys, seen, new Date(now())))
    forked = false
    if (checkpoint === undefined) return
    seen = checkpoint
    signed += 1
    options.onCheckpoint?.(checkpoint)
  }

  /** Gives how long to rest, ms. */
  async function attempt(): Promise<number> {
    try {
      await sign()
      return intervalMs
    } catch (error) {
      isDue = true
      forked = error instanceof ForkedLogError
      if (forked) log.error({ err: error }, 'the log does not continue what was signed: it is not signed any more')
      else log.warn({ err: error }, 'no checkpoint could be signed; it will be tried again')
      return forked ? FORKED_MS : RETRY_MS
    }
  }

  async function work(): Promise<void> {
    while (isDue && !closing.signal.aborted) {
      isDue = false
      const rest = await attempt()
      await sleep(rest, undefined, { signal: closing.signal, ref: false }).catch(() => undefined)
    }
    working = undefined
  }

  return {
    wake() {
      isDue = true
      working ??= work()
    },
    sign,
    isForked: () => forked,
    figures: () => ({ signed, size: seen?.size ?? 0 }),
    async close() {
      closing.abort()
      await working
    },
  }
}

/** Those that are known, unless they were rotated. */
async function currentKeys(sql: Sql, credentials: SealingKey, known: CheckpointKeys): Promise<CheckpointKeys> {
  const [[row]] = await systemFlight(sql, (tx) => [
    tx<{ version: number }[]>`select max(version) as version from checkpoint_keys`,
  ])
  return row?.version === known.version ? known : loadCheckpointKeys(sql, credentials)
}
