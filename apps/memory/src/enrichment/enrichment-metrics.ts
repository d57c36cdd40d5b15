import type { MetricsOptions } from '@memoric/service/metrics-plugin.ts'
import type { Enricher } from './enricher.ts'

export function enrichmentGauges(enricher: Enricher): NonNullable<MetricsOptions['gauges']> {
  return {
    memoric_enrichment_waiting: {
      help: 'Changes of memories that enrichment has not looked at',
      read: () => enricher.waiting(),
    },
  }
}

export function enrichmentCounters(enricher: Enricher): NonNullable<MetricsOptions['counters']> {
  return {
    memoric_memories_enriched_total: {
      help: 'Memories that were enriched by this process, and by what',
      labelNames: ['by'],
      read: () => {
        const { model, rules } = enricher.counts()
        return [
          { labels: { by: 'model' }, value: model },
          { labels: { by: 'rules' }, value: rules },
        ]
      },
    },
    memoric_enrichment_fallbacks_total: {
      help: 'Memories that rules enriched in the place of the model',
      labelNames: [],
      read: () => [{ labels: {}, value: enricher.counts().fallbacks }],
    },
  }
}
