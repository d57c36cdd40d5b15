import { ConfigError } from '@memoric/service/config.ts'
import type { MemoryConfig } from '../config.ts'
import type { SearchDeps } from '../search/search-deps.ts'
import type { Embeddings } from './embeddings.ts'

const MIB = 1024 * 1024

/** Undefined, and nothing of it is loaded, where the operator has configured no endpoint. Throws ConfigError. */
export async function openEmbeddings(
  config: Pick<
    MemoryConfig,
    | 'EMBEDDINGS_URL'
    | 'EMBEDDINGS_MODEL'
    | 'EMBEDDINGS_KEY'
    | 'EMBEDDINGS_DIMENSIONS'
    | 'EMBEDDINGS_TIMEOUT_MS'
    | 'EMBEDDINGS_QUERY_TIMEOUT_MS'
    | 'EMBEDDINGS_MIN_SIMILARITY'
    | 'EMBEDDINGS_CACHE_MIB'
  >,
  { sql, keys, events, relay, log }: SearchDeps,
): Promise<Embeddings | undefined> {
  const { EMBEDDINGS_URL: url, EMBEDDINGS_MODEL: model } = config
  if (url === undefined) return undefined
  if (model === undefined) throw new ConfigError('EMBEDDINGS_URL needs EMBEDDINGS_MODEL.')
  const { createEmbeddings } = await import('./embeddings.ts')
  return createEmbeddings({
    sql,
    keys,
    events,
    relay,
    log,
    url,
    model,
    key: config.EMBEDDINGS_KEY,
    dimensions: config.EMBEDDINGS_DIMENSIONS,
    timeoutMs: config.EMBEDDINGS_TIMEOUT_MS,
    queryTimeoutMs: config.EMBEDDINGS_QUERY_TIMEOUT_MS,
    leastSimilarity: config.EMBEDDINGS_MIN_SIMILARITY,
    maxBytes: config.EMBEDDINGS_CACHE_MIB * MIB,
  })
}
