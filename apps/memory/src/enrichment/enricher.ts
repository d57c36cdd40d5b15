import { policyChanged } from '@memoric/contracts/signals.ts'
import { POLICY_CHANGED } from '@memoric/contracts/subjects.ts'
import type { Messaging } from '@memoric/messaging/connect.ts'
import { onSignal } from '@memoric/messaging/signals.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { TenantId } from '@memoric/contracts/ids.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { type CircuitBreaker, createCircuitBreaker } from '../embeddings/circuit-breaker.ts'
import { enrichSubject } from './enrich-subject.ts'
import type { EnricherDeps, EnrichmentPlace } from './enricher-deps.ts'
import { countWaiting, selectEnrichedTenants, selectWaiting } from './enrichment-repository.ts'

/** Derives in the background what callers leave out. */
export interface Enricher {
  /** Told that memories of a subject have changed; costs a look into a set where enrichment is off. */
  wake(place: SubjectPlace): void
  /** Looks for subjects that nobody was told of. */
  sweep(): Promise<void>
  /** Changes that were not looked at yet. */
  waiting(): Promise<number>
  /** Memories that got values since the process started, and those of them for which rules stood in for the model. */
  counts(): Readonly<Record<'model' | 'rules' | 'fallbacks', number>>
  close(): Promise<void>
}

export interface EnricherOptions extends Omit<EnricherDeps, 'signal' | 'onDone' | 'breakerOf'> {
  readonly messaging: Messaging
  /** Ms between two looks for what other processes left behind. */
  readonly everyMs?: number
}

/** Subjects at a time. */
const TOGETHER = 2
/** Subjects that wait in memory; others are found by looking. */
const MOST_WAITING = 10_000
const LOOK = 500
/** How long writes of a subject are gathered, ms. */
const GATHER_MS = 1000
const JITTER = 0.2
const BREAKER = { patience: 3, firstPauseMs: 2000, longestPauseMs: 120_000 }

/** Any number of processes may do this: a lease keeps them from doing the same. */
export function createEnricher({ everyMs = 15_000, messaging, ...options }: EnricherOptions): Enricher {
  const stopping = new AbortController()
  const counts = { model: 0, rules: 0, fallbacks: 0 }
  const deps: EnricherDeps = { ...options, breakerOf, signal: stopping.signal, onDone }
  const tenants = new Set<string>()
  const breakers = new Map<string, CircuitBreaker>()
  const waiting = new Map<string, EnrichmentPlace>()
  const running = new Map<string, Promise<void>>()
  let timer: NodeJS.Timeout | undefined
  let gathering: NodeJS.Timeout | undefined
  let sweeping: Promise<void> = Promise.resolve()
  const stopListening = onSignal(messaging, POLICY_CHANGED, (signal) => {
    policyChanged.parse(signal)
    schedule(GATHER_MS)
  })
  schedule(1000)

  return {
    wake({ tenantId, subjectId }) {
      if (!tenants.has(tenantId)) return
      // A tenant of which a row was read.
      add({ tenantId: tenantId as TenantId, subjectId })
      gathering ??= setTimeout(() => {
        gathering = undefined
        pump()
      }, GATHER_MS).unref()
    },
    sweep,
    async waiting() {
      if (tenants.size === 0) return 0
      const [[row]] = await systemFlight(deps.sql, (tx) => [countWaiting(tx)])
      return row?.changes ?? 0
    },
    counts: () => counts,
    async close() {
      stopping.abort()
      stopListening()
      clearTimeout(timer)
      clearTimeout(gathering)
      waiting.clear()
      await Promise.all([...running.values(), sweeping])
    },
  }

  function breakerOf(tenantId: TenantId): CircuitBreaker {
    const breaker = breakers.get(tenantId) ?? createCircuitBreaker(BREAKER)
    breakers.set(tenantId, breaker)
    return breaker
  }

  function onDone(byModel: number, byRules: number, fallbacks: number): void {
    counts.model += byModel
    counts.rules += byRules
    counts.fallbacks += fallbacks
  }

  function add(place: EnrichmentPlace): void {
    if (waiting.size < MOST_WAITING) waiting.set(`${place.tenantId} ${place.subjectId}`, place)
  }

  function pump(): void {
    for (const [id, place] of waiting) {
      if (running.size >= TOGETHER || stopping.signal.aborted) return
      if (running.has(id)) continue
      waiting.delete(id)
      running.set(
        id,
        run(place).finally(() => (running.delete(id), setImmediate(pump))),
      )
    }
  }

  async function run(place: EnrichmentPlace): Promise<void> {
    try {
      await enrichSubject(deps, place)
    } catch (error) {
      if (!stopping.signal.aborted)
        deps.log.warn({ err: error, tenant_id: place.tenantId }, 'memories are enriched later')
    }
  }

  function schedule(pause: number): void {
    clearTimeout(timer)
    if (stopping.signal.aborted) return
    timer = setTimeout(
      () => {
        sweeping = sweep()
          .catch((error: unknown) => deps.log.warn({ err: error }, 'memories to enrich are looked for later'))
          .then(() => schedule(everyMs))
      },
      pause * (1 - JITTER * Math.random()),
    ).unref()
  }

  async function sweep(): Promise<void> {
    const [rows] = await systemFlight(deps.sql, (tx) => [selectEnrichedTenants(tx)])
    tenants.clear()
    for (const { tenant_id } of rows) tenants.add(tenant_id)
    for (const tenantId of breakers.keys()) if (!tenants.has(tenantId)) breakers.delete(tenantId)
    if (rows.length === 0) return
    const [subjects] = await systemFlight(deps.sql, (tx) => [selectWaiting(tx, LOOK)])
    for (const { tenant_id: tenantId, subject_id: subjectId } of subjects) add({ tenantId, subjectId })
    pump()
  }
}
