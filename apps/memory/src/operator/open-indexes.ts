import type { MemoryConfig } from '../config.ts'
import { createIndexCache, type IndexCache } from '../search/index-cache.ts'
import { openMemory, type OpenMemory } from './open-memory.ts'

/** What the commands on search indexes work with. */
export interface OpenIndexes extends OpenMemory {
  readonly indexes: IndexCache
}

/** Opens the database, the keys and the indexes. Throws when the database cannot be used. */
export async function openIndexes(config: MemoryConfig): Promise<OpenIndexes> {
  const memory = await openMemory(config)
  const indexes = createIndexCache({ ...memory, maxBytes: config.SEARCH_CACHE_MIB * 1024 * 1024 })
  memory.closer.defer('search indexes', () => indexes.close())
  return { ...memory, indexes }
}
