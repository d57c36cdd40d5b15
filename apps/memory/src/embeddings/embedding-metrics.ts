import type { MetricsOptions } from '@memoric/service/metrics-plugin.ts'
import type { Embeddings } from './embeddings.ts'

/** None where embeddings are off. */
export function embeddingGauges(embeddings: Embeddings | undefined): NonNullable<MetricsOptions['gauges']> {
  if (embeddings === undefined) return {}
  return {
    memoric_embeddings_waiting: {
      help: 'Changes of memories that wait for vectors',
      read: () => embeddings.waiting(),
    },
    memoric_vector_bytes: { help: 'Bytes of vectors in memory', read: () => embeddings.bytes() },
  }
}

/** None where embeddings are off. */
export function embeddingCounters(embeddings: Embeddings | undefined): NonNullable<MetricsOptions['counters']> {
  if (embeddings === undefined) return {}
  const counter = (help: string, read: () => number) => ({
    help,
    labelNames: [],
    read: () => [{ labels: {}, value: read() }],
  })
  return {
    memoric_embeddings_total: counter('Memories that got a vector', () => embeddings.counts().made),
    memoric_embeddings_refused_total: counter(
      'Memories that the endpoint did not take',
      () => embeddings.counts().refused,
    ),
    memoric_embedding_failures_total: counter(
      'Times that vectors could not be made and were left for later',
      () => embeddings.counts().failed,
    ),
    memoric_queries_without_embedding_total: counter('Searches that had to do without', () => embeddings.missed()),
  }
}
