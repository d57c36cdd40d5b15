import { setTimeout as sleep } from 'node:timers/promises'
import type { Sql } from '@memoric/postgres/client.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { selectLatest, type StoredCheckpoint } from '../checkpoints/checkpoint-repository.ts'
import type { Checkpointer } from '../checkpoints/checkpointer.ts'

export interface AwaitCheckpointDeps {
  readonly sql: Sql
  readonly checkpoints: Pick<Checkpointer, 'wake'>
}

/** How long a request waits for what is being signed, ms. */
const PATIENCE_MS = 1000
const LOOK_MS = 50

/** The latest checkpoint, of a tree of at least this size. Throws AppError `service_unavailable` when there is none yet. */
export async function awaitCheckpoint(deps: AwaitCheckpointDeps, size: number): Promise<StoredCheckpoint> {
  const end = performance.now() + PATIENCE_MS
  for (;;) {
    const [[latest]] = await systemFlight(deps.sql, (tx) => [selectLatest(tx)])
    if (latest !== undefined && latest.size >= size) return latest
    if (performance.now() >= end) {
      throw new AppError('service_unavailable', { retryAfter: 1, detail: 'The event is not under a checkpoint yet.' })
    }
    deps.checkpoints.wake()
    await sleep(LOOK_MS)
  }
}
