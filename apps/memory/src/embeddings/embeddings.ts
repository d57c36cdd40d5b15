import type { SearchDeps } from '../search/search-deps.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { createCircuitBreaker } from './circuit-breaker.ts'
import { createEmbedder, type Embedder } from './embedder.ts'
import { createEmbeddingEndpoint, type EmbeddingEndpointOptions } from './embedding-endpoint.ts'
import { modelFingerprint, queryText } from './embedding-text.ts'
import { createQueryVectors } from './query-vectors.ts'
import { createRefusals } from './refusals.ts'
import type { Near } from './similarity.ts'
import { createVectorCache, type VectorCache } from './vector-cache.ts'

/** Finds memories by what they mean. */
export interface Embeddings extends Pick<Embedder, 'wake' | 'sweep' | 'waiting' | 'counts'> {
  /** For one search; null for a tenant that refuses, or a query without text. Its end must be told. */
  begin(tenantId: string, query: string): Promise<NearSearch | null>
  /** Wipes what is in memory of a subject. */
  forget(place: SubjectPlace): void
  /** Bytes of vectors in memory. */
  bytes(): number
  /** Queries that had to do without. */
  missed(): number
  close(): Promise<void>
}

/** What one search compares memories with. */
export interface NearSearch {
  /** Whether the endpoint gave a vector for the query. */
  readonly isAvailable: boolean
  /** The vectors of a subject, as they were when it was first asked for. */
  of(subjectId: string): Promise<Near | undefined>
  end(): void
}

export interface EmbeddingsOptions extends SearchDeps, EmbeddingEndpointOptions {
  /** Time for a request of many texts, and for a query, ms. */
  readonly timeoutMs: number
  readonly queryTimeoutMs: number
  readonly leastSimilarity: number
  /** Most bytes of vectors in memory. */
  readonly maxBytes: number
  readonly everyMs?: number
}

/** Queries do not wait for an endpoint that was away a moment ago; work in the background is more patient. */
const QUERY_BREAKER = { patience: 3, firstPauseMs: 1000, longestPauseMs: 30_000 }
const WORK_BREAKER = { patience: 3, firstPauseMs: 2000, longestPauseMs: 120_000 }

export function createEmbeddings(options: EmbeddingsOptions): Embeddings {
  const { timeoutMs, queryTimeoutMs, leastSimilarity, maxBytes, everyMs, url, key, ...deps } = options
  const model = modelFingerprint(deps.model, deps.dimensions)
  const embed = createEmbeddingEndpoint({ url, key, model: deps.model, dimensions: deps.dimensions })
  const vectors = createVectorCache({ ...deps, model, maxBytes })
  const refusals = createRefusals(deps.sql)
  const breaker = createCircuitBreaker(WORK_BREAKER)
  const queries = createQueryVectors({
    embed,
    breaker: createCircuitBreaker(QUERY_BREAKER),
    timeoutMs: queryTimeoutMs,
    onFailure: (error) => deps.log.warn({ err: error }, 'a search does without embeddings'),
  })
  const embedder = createEmbedder({
    ...deps,
    model,
    vectors,
    embed,
    breaker,
    timeoutMs,
    ...(everyMs !== undefined && { everyMs }),
  })
  return {
    wake: (place) => embedder.wake(place),
    sweep: () => embedder.sweep(),
    waiting: () => embedder.waiting(),
    counts: () => embedder.counts(),
    async begin(tenantId, query) {
      const text = queryText(query)
      if (text === '' || (await refusals.refuses(tenantId))) return null
      const vector = await queries.of(tenantId, text)
      if (vector === null) return { isAvailable: false, of: () => Promise.resolve(undefined), end: () => undefined }
      return createNearSearch(vectors, tenantId, { query: vector, least: leastSimilarity })
    },
    forget: (place) => vectors.forget(place),
    bytes: () => vectors.bytes(),
    missed: () => queries.missed(),
    async close() {
      await embedder.close()
      vectors.close()
    },
  }
}

function createNearSearch(vectors: VectorCache, tenantId: string, common: Pick<Near, 'query' | 'least'>): NearSearch {
  const held = new Map<string, ReturnType<VectorCache['hold']>>()
  return {
    isAvailable: true,
    async of(subjectId) {
      const holding = held.get(subjectId) ?? vectors.hold({ tenantId, subjectId })
      held.set(subjectId, holding)
      const { blocks } = await holding
      return { ...common, blocks }
    },
    end() {
      for (const holding of held.values()) {
        holding.then(
          (vectors) => vectors.release(),
          () => undefined,
        )
      }
    },
  }
}
