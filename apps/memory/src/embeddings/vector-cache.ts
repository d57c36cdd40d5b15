import { CryptoError } from '@memoric/crypto/errors.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { SearchDeps } from '../search/search-deps.ts'
import { scopeOfIndex, type SubjectPlace } from '../search/segment-repository.ts'
import { dropBlock } from './drop-block.ts'
import { unsealBlock } from './seal-vectors.ts'
import type { VectorBlock } from './vector-block.ts'
import { type BlockRow, selectBlocks } from './vector-repository.ts'

/** The vectors of a subject in memory. They are overwritten some time after `release`. */
export interface HeldVectors {
  readonly blocks: readonly VectorBlock[]
  release(): void
}

export interface VectorCache {
  /** All vectors of a subject that were committed before the call. */
  hold(place: SubjectPlace): Promise<HeldVectors>
  /** Wipes what is in memory of a subject. */
  forget(place: SubjectPlace): void
  /** Bytes that all vectors take. */
  bytes(): number
  close(): void
}

export interface VectorCacheOptions extends SearchDeps {
  readonly model: string
  readonly maxBytes: number
}

interface Entry {
  readonly place: SubjectPlace
  readonly blocks: Map<string, VectorBlock>
  users: number
  isDropped: boolean
}

/** Blocks that nobody works with are wiped; the subject used longest ago goes first. */
export function createVectorCache({ model, maxBytes, ...deps }: VectorCacheOptions): VectorCache {
  const entries = new Map<string, Entry>()
  let totalBytes = 0
  return {
    async hold(place) {
      const entry = enter(place)
      try {
        return { blocks: await freshen(entry), release: once(() => leave(entry)) }
      } catch (error) {
        leave(entry)
        throw error
      }
    },
    forget(place) {
      const entry = entries.get(idOf(place))
      if (entry !== undefined) drop(entry)
    },
    bytes: () => totalBytes,
    close() {
      for (const entry of entries.values()) drop(entry)
    },
  }

  function enter(place: SubjectPlace): Entry {
    const id = idOf(place)
    const entry = entries.get(id) ?? { place, blocks: new Map(), users: 0, isDropped: false }
    entries.delete(id)
    entries.set(id, entry)
    entry.users += 1
    return entry
  }

  function leave(entry: Entry): void {
    entry.users -= 1
    if (entry.users === 0 && entry.isDropped) wipe(entry)
    for (const [, other] of entries) {
      if (totalBytes <= maxBytes) return
      if (other.users === 0) drop(other)
    }
  }

  function drop(entry: Entry): void {
    entries.delete(idOf(entry.place))
    entry.isDropped = true
    totalBytes -= bytesOf(entry)
    if (entry.users === 0) wipe(entry)
  }

  /** What has been replaced by others is left to the garbage collector: somebody may work with it. */
  async function freshen(entry: Entry): Promise<VectorBlock[]> {
    const { place } = entry
    // Others may bring the same entry up to date meanwhile.
    const known = new Map(entry.blocks)
    const [rows] = await tenantFlight(deps.sql, scopeOfIndex(place), (tx) => [
      selectBlocks(tx, place, model, [...known.keys()]),
    ])
    for (const [id, block] of await openRows(entry, rows)) known.set(id, block)
    const before = bytesOf(entry)
    const named = new Set(rows.map(({ block_id }) => block_id))
    for (const id of entry.blocks.keys()) if (!named.has(id)) entry.blocks.delete(id)
    for (const id of named) {
      const block = known.get(id)
      if (block !== undefined && !entry.blocks.has(id)) entry.blocks.set(id, block)
    }
    if (!entry.isDropped) totalBytes += bytesOf(entry) - before
    return rows.flatMap(({ block_id }) => known.get(block_id) ?? [])
  }

  async function openRows({ place }: Entry, rows: readonly BlockRow[]): Promise<Map<string, VectorBlock>> {
    const opened = new Map<string, VectorBlock>()
    const unknown = rows.filter(({ sealed }) => sealed !== null)
    if (unknown.length === 0) return opened
    let attempts = 0
    const damaged = await deps.keys.forReading(place.tenantId, place.subjectId, (keys) => {
      if (keys === null) return []
      const results = unknown.map((row) => ({ row, block: unsealBlock(keys.index, place, row) }))
      attempts += 1
      // The keys may have been read before the one that sealed it was made: they are read again.
      if (attempts === 1 && results.some(({ block }) => block === 'key')) throw new CryptoError('unknown_key')
      return results.flatMap(({ row, block }) => {
        if (typeof block === 'string') return [{ row, reason: block }]
        opened.set(row.block_id, block)
        return []
      })
    })
    for (const { row, reason } of damaged) await dropBlock(deps, place, row, reason)
    return opened
  }
}

function bytesOf({ blocks }: Entry): number {
  let bytes = 0
  for (const block of blocks.values()) bytes += block.bytes.length
  return bytes
}

function wipe({ blocks }: Entry): void {
  for (const block of blocks.values()) block.bytes.fill(0)
  blocks.clear()
}

function once(work: () => void): () => void {
  let isDone = false
  return () => {
    if (!isDone) work()
    isDone = true
  }
}

function idOf({ tenantId, subjectId }: SubjectPlace): string {
  return `${tenantId} ${subjectId}`
}
