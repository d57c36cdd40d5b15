import type { IndexCache } from '../search/index-cache.ts'
import type { Embeddings } from './embeddings.ts'

/** Has embeddings told of what indexes are told of. */
export function withEmbeddings(indexes: IndexCache, embeddings: Embeddings | undefined): IndexCache {
  if (embeddings === undefined) return indexes
  return {
    ...indexes,
    changed(place, changes) {
      indexes.changed(place, changes)
      embeddings.wake(place)
    },
    forget(place) {
      indexes.forget(place)
      embeddings.forget(place)
    },
  }
}
