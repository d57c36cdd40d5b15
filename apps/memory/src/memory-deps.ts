import type { Sql } from '@memoric/postgres/client.ts'
import type { OutboxRelay } from '@memoric/postgres/outbox-relay.ts'
import type { EventFactory } from '@memoric/service/event-factory.ts'
import type { Logger } from '@memoric/service/logger.ts'
import type { KekRing } from '@memoric/crypto/kek.ts'
import type { Embeddings } from './embeddings/embeddings.ts'
import type { Enricher } from './enrichment/enricher.ts'
import type { ExportWorker } from './exports/export-worker.ts'
import type { Expiry } from './expiry/expiry.ts'
import type { Idempotency } from './idempotency/idempotency.ts'
import type { RotationWorker } from './keys/rotation-worker.ts'
import type { KeyStore } from './keys/subject-keys.ts'
import type { Turns } from './memories/turns.ts'
import type { WriteQueue } from './memories/write-queue.ts'
import type { Policies } from './policies/policies.ts'
import type { PolicyRuns } from './policies/policy-runs.ts'
import type { ErasureWorker } from './privacy/erasure-worker.ts'
import type { Forgetting } from './privacy/forgetting.ts'
import type { ReceiptKeys } from './privacy/receipt-keys.ts'
import type { TenantUsages } from './quotas/tenant-usage.ts'
import type { ReadEvents } from './reads/read-events.ts'
import type { IndexCache } from './search/index-cache.ts'
import type { TextModel } from './text-work/text-model.ts'
import type { Uses } from './uses/uses.ts'
import type { SearchLimits } from './search/search-scopes.ts'

/** What the verbs of the memory service work with. */
export interface MemoryDeps {
  readonly sql: Sql
  readonly keks: KekRing
  readonly keys: KeyStore
  readonly rotations: RotationWorker
  readonly exports: ExportWorker
  /** Most exports of a tenant that may be made at once. */
  readonly runningExports: number
  readonly writes: WriteQueue
  /** Of those who change one memory at once. */
  readonly turns: Turns
  readonly quotas: TenantUsages
  readonly idempotency: Idempotency
  readonly expiry: Expiry
  readonly policies: Policies
  readonly policyRuns: PolicyRuns
  /** Null when the operator has set none up. */
  readonly textModel: TextModel | null
  /** Counts what searches find, where a policy looks at that. */
  readonly uses: Uses
  readonly indexes: IndexCache
  /** Undefined where the operator has configured no endpoint. */
  readonly embeddings?: Embeddings | undefined
  readonly enricher: Enricher
  readonly forgetting: Forgetting
  readonly erasures: ErasureWorker
  readonly receiptKeys: ReceiptKeys
  readonly searchLimits: SearchLimits
  readonly events: EventFactory
  /** Events of reads, which are written in batches. */
  readonly reads: ReadEvents
  readonly relay: OutboxRelay
  readonly log: Logger
  readonly now: () => Date
}
