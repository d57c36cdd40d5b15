import { catchUp } from './catch-up.ts'
import { loadIndex } from './load-index.ts'
import { isWorthStoring, planStoring } from './plan-storing.ts'
import type { SearchDeps } from './search-deps.ts'
import { createSegmentKeeper } from './segment-keeper.ts'
import type { SubjectPlace } from './segment-repository.ts'
import { storeParts } from './store-parts.ts'
import { createSubjectIndex, type SubjectIndex } from './subject-index.ts'
import { createTermSeed } from './term-hash.ts'

export interface IndexCache {
  /** Runs `work` with the index of a subject, with every change that was committed before the call. `work` must not keep it. */
  use<R>(place: SubjectPlace, work: (index: SubjectIndex) => R): Promise<R>
  /** Runs `work` with the index of a subject as it is in memory, which may lack changes; null when none is there. `work` must not keep it. */
  peek<R>(place: SubjectPlace, work: (index: SubjectIndex) => R): R | null
  /** Told after a commit which changes of a subject it made: now and then segments are written in the background. */
  changed(place: SubjectPlace, changes: readonly number[]): void
  /** Writes all segments of a subject that are due. */
  store(place: SubjectPlace): Promise<void>
  /** Wipes what is in memory of a subject. */
  forget(place: SubjectPlace): void
  /** Bytes that all indexes take. */
  bytes(): number
  /** Ends the work in the background and wipes everything. */
  close(): Promise<void>
}

export interface IndexCacheOptions extends SearchDeps {
  /** Most bytes of all indexes together; the one used longest ago goes first. */
  readonly maxBytes: number
}

interface Entry {
  readonly place: SubjectPlace
  index: SubjectIndex
  /** True until the index is loaded, and when others have changed the stored segments. */
  mustLoad: boolean
  running: Promise<void> | undefined
  /** The synchronisation that starts when the running one ends: what callers get that came in the meantime. */
  queued: Promise<void> | undefined
  /** What changes the parts as a whole, loading and storing, goes one after the other. */
  structure: Promise<unknown>
  /** Those who wait for it or work with it. It is wiped when the last of them has gone. */
  users: number
  isDropped: boolean
  /** As they count in the total. */
  bytes: number
  /** The change at which it was last asked whether segments are due. */
  plannedAt: number
}

/** What an index takes besides its parts. */
const ENTRY_BYTES = 1024

/** Most segments written in one go, and how often it begins anew when another process was faster. */
const MOST_STEPS = 1000
const MOST_CONFLICTS = 3

/** Indexes are caches: bounded, loaded on first use, and dropped at will. */
export function createIndexCache({ maxBytes, ...deps }: IndexCacheOptions): IndexCache {
  const entries = new Map<string, Entry>()
  const keeper = createSegmentKeeper(store, deps.log)
  let totalBytes = 0
  return {
    use: (place, work) => hold(place, async (entry) => (await freshen(entry), work(entry.index))),
    peek(place, work) {
      const entry = entries.get(idOf(place))
      if (entry === undefined || entry.mustLoad) return null
      touch(entry)
      return work(entry.index)
    },
    changed(place, changes) {
      if (isWorthStoring(changes)) keeper.add(place)
    },
    store,
    forget(place) {
      const entry = entries.get(idOf(place))
      if (entry !== undefined) drop(entry)
    },
    bytes: () => totalBytes,
    async close() {
      await keeper.close()
      for (const entry of entries.values()) drop(entry)
    },
  }

  async function hold<R>(place: SubjectPlace, work: (entry: Entry) => Promise<R>): Promise<R> {
    const entry = entries.get(idOf(place)) ?? createEntry(place)
    touch(entry)
    entry.users += 1
    try {
      return await work(entry)
    } finally {
      entry.users -= 1
      if (entry.users === 0) leave(entry)
      evict()
    }
  }

  /** The last to be evicted. */
  function touch(entry: Entry): void {
    const id = idOf(entry.place)
    entries.delete(id)
    entries.set(id, entry)
  }

  /** Nobody uses it now. One that could not be loaded is of no use. */
  function leave(entry: Entry): void {
    if (entry.isDropped) entry.index.wipe()
    else if (entry.mustLoad) drop(entry)
  }

  function freshen(entry: Entry): Promise<void> {
    if (entry.running === undefined) return (entry.running = begin(entry))
    entry.queued ??= entry.running
      .catch(() => undefined)
      .then(() => {
        entry.queued = undefined
        return (entry.running = begin(entry))
      })
    return entry.queued
  }

  async function begin(entry: Entry): Promise<void> {
    try {
      if (entry.mustLoad || !(await catchUp(deps, entry.place, entry.index))) await load(entry)
      count(entry)
      if (isDue(entry)) keeper.add(entry.place)
    } finally {
      entry.running = undefined
    }
  }

  function load(entry: Entry): Promise<void> {
    return exclusively(entry, async () => {
      const loaded = await loadIndex(deps, entry.place, entry.index)
      entry.index.wipe(loaded)
      entry.index = loaded
      entry.mustLoad = false
    })
  }

  function isDue(entry: Entry): boolean {
    const { index } = entry
    if (entry.plannedAt === index.change) return false
    entry.plannedAt = index.change
    return planStoring(index) !== null
  }

  function store(place: SubjectPlace): Promise<void> {
    return hold(place, async (entry) => {
      await freshen(entry)
      let conflicts = 0
      for (let step = 0; step < MOST_STEPS && conflicts < MOST_CONFLICTS && !entry.isDropped; step++) {
        const outcome = await storeNext(entry)
        count(entry)
        if (outcome === 'nothing') return
        if (outcome === 'stored') continue
        conflicts += 1
        entry.mustLoad = true
        await freshen(entry)
      }
    })
  }

  function storeNext(entry: Entry): Promise<'stored' | 'conflict' | 'nothing'> {
    return exclusively(entry, async () => {
      const parts = planStoring(entry.index)
      if (parts === null) return 'nothing'
      return (await storeParts(deps, entry.place, entry.index, parts)) ? 'stored' : 'conflict'
    })
  }

  /** Counts what the index takes now. */
  function count(entry: Entry): void {
    if (entry.isDropped) return
    const bytes = entry.index.bytes + ENTRY_BYTES
    totalBytes += bytes - entry.bytes
    entry.bytes = bytes
  }

  function evict(): void {
    for (const entry of entries.values()) {
      if (totalBytes <= maxBytes) return
      if (entry.users === 0) drop(entry)
    }
  }

  function drop(entry: Entry): void {
    entries.delete(idOf(entry.place))
    entry.isDropped = true
    totalBytes -= entry.bytes
    if (entry.users === 0) entry.index.wipe()
  }
}

function createEntry(place: SubjectPlace): Entry {
  const index = createSubjectIndex({ seed: createTermSeed() })
  const idle = { running: undefined, queued: undefined, structure: Promise.resolve(), users: 0, isDropped: false }
  return { place, index, mustLoad: true, bytes: 0, plannedAt: 0, ...idle }
}

function exclusively<R>(entry: Entry, work: () => Promise<R>): Promise<R> {
  const done = entry.structure.then(work)
  entry.structure = done.catch(() => undefined)
  return done
}

function idOf({ tenantId, subjectId }: SubjectPlace): string {
  return `${tenantId} ${subjectId}`
}
