import { setTimeout as sleep } from 'node:timers/promises'
import { forgetSubject } from '@memoric/contracts/signals.ts'
import { FORGET_SUBJECT } from '@memoric/contracts/subjects.ts'
import type { Messaging } from '@memoric/messaging/connect.ts'
import { onSignal, publishSignal } from '@memoric/messaging/signals.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { Logger } from '@memoric/service/logger.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import type { KeyStore } from '../keys/subject-keys.ts'
import type { IndexCache } from '../search/index-cache.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import {
  confirmForgettings,
  deleteOutdated,
  deleteProcess,
  type ForgettingState,
  noteAlive,
  selectForgettingState,
  selectUnconfirmed,
} from './forgetting-repository.ts'

/** Has every process of the service wipe what it holds of a subject. */
export interface Forgetting {
  /** Tells every process at once of a forgetting that is in the database; those who do not hear it find it there. */
  announce(place: SubjectPlace, id: string): void
  /** How many processes have confirmed once all that live have, or when the time is over; null when nobody knows any more. */
  confirmed(tenantId: string, id: string, timeoutMs: number, signal?: AbortSignal): Promise<ForgettingState | null>
  /** Ends the process for the others. */
  close(): Promise<void>
}

export interface ForgettingOptions {
  readonly sql: Sql
  readonly messaging: Messaging
  readonly keys: Pick<KeyStore, 'forgetSubject'>
  readonly indexes: Pick<IndexCache, 'forget'>
  readonly log: Logger
  /** Ms between two signs of life, in which a process looks for what it did not hear of. */
  readonly everyMs?: number
}

/** A process that was not seen for so many signs of life counts as ended. */
const LEASE_BEATS = 3
const BEATS_BETWEEN_CLEANING = 120
const POLL_MS = 20

export function createForgetting({ everyMs = 5_000, ...deps }: ForgettingOptions): Forgetting {
  const { sql, messaging, keys, indexes, log } = deps
  const processId = uuidV7()
  const stopping = new AbortController()
  let confirming: Promise<unknown> = Promise.resolve()

  const wipe = (place: SubjectPlace): void => {
    keys.forgetSubject(place.tenantId, place.subjectId)
    indexes.forget(place)
  }
  const wipeAndConfirm = (tenantId: string, subjectId: string, id: string): void => {
    wipe({ tenantId, subjectId })
    confirming = confirming
      .then(() => systemFlight(sql, (tx) => [confirmForgettings(tx, processId, [id])]))
      // The next sign of life finds it again.
      .catch((error: unknown) => log.warn({ err: error }, 'that a subject is forgotten is confirmed later'))
  }
  const stopListening = onSignal(messaging, FORGET_SUBJECT, (signal) => {
    const { id, tenantId, subjectId } = forgetSubject.parse(signal)
    wipeAndConfirm(tenantId, subjectId, id)
  })
  const living = live()

  return {
    announce(place, id) {
      wipeAndConfirm(place.tenantId, place.subjectId, id)
      publishSignal(messaging, FORGET_SUBJECT, { id, ...place })
    },
    async confirmed(tenantId, id, timeoutMs, signal) {
      const until = performance.now() + timeoutMs
      for (;;) {
        const [[state]] = await systemFlight(sql, (tx) => [
          selectForgettingState(tx, tenantId, id, everyMs * LEASE_BEATS),
        ])
        if (state === undefined) return null
        if (state.missing === 0 || performance.now() > until || signal?.aborted === true) return state
        await sleep(POLL_MS)
      }
    },
    async close() {
      stopListening()
      stopping.abort()
      await living
      await confirming
      await systemFlight(sql, (tx) => [deleteProcess(tx, processId)]).catch(() => undefined)
    },
  }

  async function live(): Promise<void> {
    for (let beats = 0; !stopping.signal.aborted; beats++) {
      await beat(beats).catch((error: unknown) =>
        log.warn({ err: error }, 'this process could not give a sign of life'),
      )
      await sleep(everyMs, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined)
    }
  }

  async function beat(beats: number): Promise<void> {
    const [, rows] = await systemFlight(sql, (tx) => [noteAlive(tx, processId), selectUnconfirmed(tx, processId)])
    for (const { tenant_id: tenantId, subject_id: subjectId } of rows) wipe({ tenantId, subjectId })
    const ids = rows.map(({ id }) => id)
    if (ids.length > 0) await systemFlight(sql, (tx) => [confirmForgettings(tx, processId, ids)])
    if (beats % BEATS_BETWEEN_CLEANING === 0) await systemFlight(sql, (tx) => [deleteOutdated(tx)])
  }
}
