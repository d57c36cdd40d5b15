import type { IndexCache } from '../search/index-cache.ts'
import type { Enricher } from './enricher.ts'

/** Has enrichment told of the changes that indexes are told of. */
export function withEnrichment(indexes: IndexCache, enricher: Pick<Enricher, 'wake'>): IndexCache {
  return {
    ...indexes,
    changed(place, changes) {
      indexes.changed(place, changes)
      enricher.wake(place)
    },
  }
}
