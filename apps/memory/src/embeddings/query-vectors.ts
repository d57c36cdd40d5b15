import { createHmac, randomBytes } from 'node:crypto'
import type { CircuitBreaker } from './circuit-breaker.ts'
import type { Embed } from './embedding-endpoint.ts'
import { EmbeddingError } from './embedding-error.ts'
import { quantise, type QuantisedVector } from './quantise.ts'

/** Vectors of queries. */
export interface QueryVectors {
  /** Null when the endpoint does not answer in time. */
  of(tenantId: string, text: string): Promise<QuantisedVector | null>
  /** Queries that had to do without. */
  missed(): number
}

export interface QueryVectorsOptions {
  readonly embed: Embed
  readonly breaker: CircuitBreaker
  readonly timeoutMs: number
  /** Told why a query has none. */
  readonly onFailure: (error: unknown) => void
}

/** Queries whose vectors are kept: some megabytes. */
const MOST_KEPT = 1000

/** Keeps the vectors of recent queries under keyed hashes, so that no query is read in the memory of the process. */
export function createQueryVectors({ embed, breaker, timeoutMs, onFailure }: QueryVectorsOptions): QueryVectors {
  const key = randomBytes(32)
  const kept = new Map<string, Promise<QuantisedVector | null>>()
  let missed = 0
  return {
    async of(tenantId, text) {
      const id = createHmac('sha256', key).update(`${tenantId} ${text}`).digest('base64')
      const vector = kept.get(id) ?? ask(text)
      kept.delete(id)
      kept.set(id, vector)
      for (const oldest of kept.keys()) if (kept.size > MOST_KEPT) kept.delete(oldest)
      const found = await vector
      if (found === null) {
        kept.delete(id)
        missed += 1
      }
      return found
    },
    missed: () => missed,
  }

  async function ask(text: string): Promise<QuantisedVector | null> {
    if (!breaker.admits()) return null
    try {
      const [vector = []] = await embed([text], { timeoutMs })
      breaker.succeeded()
      return quantise(vector)
    } catch (error) {
      // Another query may be answered.
      const isOfText = error instanceof EmbeddingError && error.failure === 'refused'
      if (!isOfText) breaker.failed(error instanceof EmbeddingError ? error.retryAfterMs : 0)
      onFailure(error)
      return null
    }
  }
}
