import type { Sql } from '@memoric/postgres/client.ts'
import type { OutboxRelay } from '@memoric/postgres/outbox-relay.ts'
import type { EventFactory } from '@memoric/service/event-factory.ts'
import type { Logger } from '@memoric/service/logger.ts'
import type { KekRing } from '@memoric/crypto/kek.ts'
import type { RotationWorker } from './keys/rotation-worker.ts'
import type { KeyStore } from './keys/subject-keys.ts'
import type { WriteQueue } from './memories/write-queue.ts'
import type { ReadEvents } from './reads/read-events.ts'
import type { IndexCache } from './search/index-cache.ts'

/** What the verbs of the memory service work with. */
export interface MemoryDeps {
  readonly sql: Sql
  readonly keks: KekRing
  readonly keys: KeyStore
  readonly rotations: RotationWorker
  readonly writes: WriteQueue
  readonly indexes: IndexCache
  readonly events: EventFactory
  /** Events of reads, which are written in batches. */
  readonly reads: ReadEvents
  readonly relay: OutboxRelay
  readonly log: Logger
  readonly now: () => Date
}
