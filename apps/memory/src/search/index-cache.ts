import type { Sql } from '@memoric/postgres/client.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { KeyStore } from '../keys/subject-keys.ts'
import { openRow } from '../memories/memory-row.ts'
import { selectChangedMemories, selectDeletions, selectLastChange } from './index-repository.ts'
import { createSubjectIndex, type SubjectIndex } from './subject-index.ts'

export interface IndexCache {
  /** The index of a subject with every change that was committed before the call. */
  current(tenantId: string, subjectId: string): Promise<SubjectIndex>
  /** Bytes that all indexes take, roughly. */
  bytes(): number
}

export interface IndexCacheOptions {
  readonly sql: Sql
  readonly keys: KeyStore
  /** Most bytes of all indexes together; the one used longest ago goes first. */
  readonly maxBytes: number
}

interface Entry {
  index: SubjectIndex
  running: Promise<void> | undefined
  /** The synchronisation that starts when the running one ends: what callers get that came in the meantime. */
  queued: Promise<void> | undefined
}

/** Memories that one query of a synchronisation reads. */
const CHUNK = 2000

/** An index with more holes than this share of its documents is built anew. */
const MOST_HOLES = 0.5

/** Indexes are caches: bounded, built from the database on first use, and dropped at will. */
export function createIndexCache({ sql, keys, maxBytes }: IndexCacheOptions): IndexCache {
  const entries = new Map<string, Entry>()
  return {
    async current(tenantId, subjectId) {
      const id = `${tenantId} ${subjectId}`
      const entry = entries.get(id) ?? { index: createSubjectIndex(), running: undefined, queued: undefined }
      entries.delete(id)
      entries.set(id, entry)
      await freshen(entry, tenantId, subjectId)
      evict(id)
      return entry.index
    },
    bytes: totalBytes,
  }

  function freshen(entry: Entry, tenantId: string, subjectId: string): Promise<void> {
    if (entry.running === undefined) return (entry.running = begin(entry, tenantId, subjectId))
    entry.queued ??= entry.running
      .catch(() => undefined)
      .then(() => {
        entry.queued = undefined
        return (entry.running = begin(entry, tenantId, subjectId))
      })
    return entry.queued
  }

  async function begin(entry: Entry, tenantId: string, subjectId: string): Promise<void> {
    try {
      if (isHollow(entry.index)) entry.index = createSubjectIndex()
      await synchronise(entry.index, tenantId, subjectId)
    } finally {
      entry.running = undefined
    }
  }

  async function synchronise(index: SubjectIndex, tenantId: string, subjectId: string): Promise<void> {
    for (let complete = false; !complete;) complete = await readChunk(index, tenantId, subjectId)
  }

  async function readChunk(index: SubjectIndex, tenantId: string, subjectId: string): Promise<boolean> {
    const since = index.change
    const scope = { tenantId, subjects: [subjectId], namespaces: '*' } as const
    const [[subject], rows, deletions] = await tenantFlight(sql, scope, (tx) => [
      selectLastChange(tx, tenantId, subjectId),
      selectChangedMemories(tx, tenantId, subjectId, since, CHUNK),
      selectDeletions(tx, tenantId, subjectId, since),
    ])
    if (subject === undefined) return true
    if (rows.length > 0) {
      const place = { tenant_id: tenantId, subject_id: subjectId }
      await keys.forReading(tenantId, subjectId, (subjectKeys) => {
        if (subjectKeys !== null) for (const row of rows) index.put(row, openRow(subjectKeys, { ...row, ...place }))
      })
    }
    for (const { memory_id } of deletions) index.remove(memory_id)
    const complete = rows.length < CHUNK
    index.change = Math.min(subject.last_change, complete ? Infinity : (rows.at(-1)?.change ?? Infinity))
    return complete
  }

  function evict(keep: string): void {
    let bytes = totalBytes()
    for (const [id, entry] of entries) {
      if (bytes <= maxBytes) return
      if (id === keep || entry.running !== undefined) continue
      bytes -= entry.index.bytes
      entries.delete(id)
    }
  }

  function totalBytes(): number {
    let bytes = 0
    for (const { index } of entries.values()) bytes += index.bytes
    return bytes
  }
}

function isHollow({ documents, size }: SubjectIndex): boolean {
  return documents.length > 1000 && size < documents.length * (1 - MOST_HOLES)
}
