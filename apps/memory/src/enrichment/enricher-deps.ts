import type { TenantId } from '@memoric/contracts/ids.ts'
import type { EnrichedField } from '@memoric/contracts/memory-contract.ts'
import type { CircuitBreaker } from '../embeddings/circuit-breaker.ts'
import type { PolicyDeps } from '../policies/policy-deps.ts'
import type { EnrichmentLease } from './enrichment-repository.ts'
import type { Derived } from './enrichment-state.ts'

/** What enriching works with. */
export interface EnricherDeps extends Pick<
  PolicyDeps,
  'sql' | 'keys' | 'events' | 'quotas' | 'log' | 'relay' | 'policies' | 'textModel'
> {
  /** Keeps a model that does not answer from being asked: for each tenant, so that none can keep it from others. */
  readonly breakerOf: (tenantId: TenantId) => CircuitBreaker
  readonly signal: AbortSignal
  /** Told of memories that got values by the model and by rules, and of those of the latter that the model was to be asked about. */
  readonly onDone: (byModel: number, byRules: number, fallbacks: number) => void
}

export interface EnrichmentPlace {
  readonly tenantId: TenantId
  readonly subjectId: string
}

/** A memory whose fields wait. */
export interface WaitingMemory {
  readonly id: string
  readonly version: number
  readonly content: string
}

/** What was found for one of them. */
export interface Found extends Pick<WaitingMemory, 'id' | 'version'> {
  readonly values: Derived
  readonly by: 'model' | 'rules'
  /** Whether the model was to be asked and rules had to do. */
  readonly isFallback: boolean
}

/** What was found in one step, and how far it went. */
export interface Step {
  readonly lease: EnrichmentLease
  readonly upTo: number
  readonly derived: readonly Found[]
  readonly fields: readonly EnrichedField[]
  readonly consentRequired: boolean
}
