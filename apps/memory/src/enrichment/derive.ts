import { setImmediate as breathe } from 'node:timers/promises'
import type { PolicyDocument } from '@memoric/contracts/policy-contract.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { wholeTenant } from '../keys/subject-keys.ts'
import { ModelError } from '../text-work/text-model.ts'
import type { CircuitBreaker } from '../embeddings/circuit-breaker.ts'
import { enrichByModel, UnusableLabels } from './enrich-by-model.ts'
import { enrichByRules } from './enrich-by-rules.ts'
import type { EnricherDeps, EnrichmentPlace, Found, WaitingMemory } from './enricher-deps.ts'
import { reserveQuestions } from './enrichment-repository.ts'

/** Questions at a time, and the longest that a step waits for all of its answers, ms. */
const TOGETHER = 4
const PATIENCE_MS = 60_000

/** What the contents of some memories tell. The model is asked where the policy wants it, as long as it answers and the day's questions last. */
export async function deriveAll(
  deps: EnricherDeps,
  { tenantId }: EnrichmentPlace,
  { mode, questions_per_day: perDay }: PolicyDocument['enrichment'],
  waiting: readonly WaitingMemory[],
): Promise<Found[]> {
  if (mode !== 'model') return byRules(waiting, false)
  const isAskable = waiting.length > 0 && deps.textModel !== null && deps.breakerOf(tenantId).admits()
  const granted = isAskable ? await reserve(deps, tenantId, waiting.length, perDay) : 0
  const asked = await askAll(deps, deps.breakerOf(tenantId), waiting.slice(0, granted))
  const isAnswered = new Set(asked.map(({ id }) => id))
  const rest = waiting.filter(({ id }) => !isAnswered.has(id))
  return [...asked, ...(await byRules(rest, true))]
}

async function byRules(waiting: readonly WaitingMemory[], isFallback: boolean): Promise<Found[]> {
  const found: Found[] = []
  for (const { id, version, content } of waiting) {
    found.push({ id, version, values: enrichByRules(content), by: 'rules', isFallback })
    // A long content takes some milliseconds; requests come in between.
    await breathe()
  }
  return found
}

async function reserve({ sql }: EnricherDeps, tenantId: string, wanted: number, perDay: number): Promise<number> {
  const [[row]] = await tenantFlight(sql, wholeTenant(tenantId), (tx) => [
    reserveQuestions(tx, tenantId, wanted, perDay),
  ])
  return row?.granted ?? 0
}

/** Those that the model answered. */
async function askAll(
  deps: EnricherDeps,
  breaker: CircuitBreaker,
  memories: readonly WaitingMemory[],
): Promise<Found[]> {
  const signal = AbortSignal.any([deps.signal, AbortSignal.timeout(PATIENCE_MS)])
  const queue = [...memories]
  const found: Found[] = []
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined && !signal.aborted; next = queue.shift()) {
      if (breaker.pause() > 0) return
      const answer = await ask(deps, breaker, next, signal)
      if (answer !== null) found.push(answer)
    }
  }
  await Promise.all(Array.from({ length: TOGETHER }, work))
  return found
}

async function ask(
  deps: EnricherDeps,
  breaker: CircuitBreaker,
  memory: WaitingMemory,
  signal: AbortSignal,
): Promise<Found | null> {
  const { textModel, log } = deps
  if (textModel === null) return null
  try {
    const values = await enrichByModel(textModel, memory.content, signal)
    breaker.succeeded()
    return { id: memory.id, version: memory.version, values, by: 'model', isFallback: false }
  } catch (error) {
    if (!(error instanceof ModelError) && !signal.aborted) throw error
    if (error instanceof UnusableLabels) breaker.succeeded()
    else if (!deps.signal.aborted) breaker.failed()
    log.warn({ err: error, memory_id: memory.id }, 'a memory is enriched without the model')
    return null
  }
}
