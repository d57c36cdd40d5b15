/** How much a cache holds and for how long, which clock it reads (ms), and how a value is destroyed. */
export interface KeyCacheOptions<T> {
  readonly maxEntries: number
  /** Ms from the moment a value was stored; use does not prolong it. */
  readonly ttlMs: number
  readonly now: () => number
  readonly dispose: (value: T) => void
}

/**
 * A bounded, expiring cache of unwrapped keys, least recently used out first. A value that leaves it, for whatever
 * reason, is disposed of: at once, or when the last running `use` of it has ended.
 */
export interface KeyCache<T> {
  /** The live value, for synchronous use: after an `await` it may have been disposed of. */
  get(id: string): T | undefined
  /** Stores a value; one that is already there under this id is disposed of. */
  set(id: string, value: T): void
  /** Runs `work` with the value, loading it first when it is missing; loads of one id happen once at a time. */
  use<R>(id: string, load: () => Promise<T>, work: (value: T) => R | Promise<R>): Promise<R>
  /** Drops one id, also when it is just being loaded. */
  delete(id: string): void
  /** Drops every id that the predicate accepts. */
  deleteWhere(predicate: (id: string) => boolean): void
  /** Drops what has expired; call it now and then, so that idle keys do not stay in memory. */
  sweep(): void
  /** Drops everything. */
  clear(): void
  /** Entries held, expired ones included. */
  readonly size: number
}

interface Entry<T> {
  readonly value: T
  readonly expiresAt: number
  users: number
  dropped: boolean
}

interface Load<T> {
  readonly entry: Promise<Entry<T>>
  waiters: number
}

/** Makes an empty cache of keys. */
export function createKeyCache<T>({ maxEntries, ttlMs, now, dispose }: KeyCacheOptions<T>): KeyCache<T> {
  const entries = new Map<string, Entry<T>>()
  const loads = new Map<string, Load<T>>()

  const release = (entry: Entry<T>): void => {
    entry.users -= 1
    if (entry.users === 0 && entry.dropped) dispose(entry.value)
  }
  const drop = (id: string): void => {
    loads.delete(id)
    const entry = entries.get(id)
    if (entry === undefined) return
    entries.delete(id)
    entry.dropped = true
    if (entry.users === 0) dispose(entry.value)
  }
  const insert = (id: string, entry: Entry<T>): void => {
    entries.set(id, entry)
    for (const oldest of entries.keys()) {
      if (entries.size <= maxEntries) return
      drop(oldest)
    }
  }
  const createEntry = (value: T, users: number): Entry<T> => {
    return { value, expiresAt: now() + ttlMs, users, dropped: false }
  }
  const find = (id: string): Entry<T> | undefined => {
    const entry = entries.get(id)
    if (entry === undefined) return undefined
    if (entry.expiresAt <= now()) {
      drop(id)
      return undefined
    }
    entries.delete(id)
    entries.set(id, entry)
    return entry
  }
  // Those who wait are counted as users before the entry exists: nothing can dispose of it between load and use. A load
  // that was dropped meanwhile still serves them, but no one else.
  const startLoad = (id: string, load: () => Promise<T>): Load<T> => {
    const started = async (): Promise<Entry<T>> => {
      try {
        const entry = createEntry(await load(), own.waiters)
        if (loads.get(id) === own) insert(id, entry)
        else entry.dropped = true
        return entry
      } finally {
        if (loads.get(id) === own) loads.delete(id)
      }
    }
    const own: Load<T> = { entry: Promise.resolve().then(started), waiters: 0 }
    loads.set(id, own)
    return own
  }
  const acquire = (id: string, load: () => Promise<T>): Entry<T> | Promise<Entry<T>> => {
    const entry = find(id)
    if (entry !== undefined) {
      entry.users += 1
      return entry
    }
    const running = loads.get(id) ?? startLoad(id, load)
    running.waiters += 1
    return running.entry
  }

  return {
    get: (id) => find(id)?.value,
    set(id, value) {
      drop(id)
      insert(id, createEntry(value, 0))
    },
    async use(id, load, work) {
      const entry = await acquire(id, load)
      try {
        return await work(entry.value)
      } finally {
        release(entry)
      }
    },
    delete: drop,
    deleteWhere(predicate) {
      for (const id of [...entries.keys(), ...loads.keys()]) if (predicate(id)) drop(id)
    },
    sweep() {
      const time = now()
      for (const [id, entry] of entries) if (entry.expiresAt <= time) drop(id)
    },
    clear() {
      for (const id of [...entries.keys(), ...loads.keys()]) drop(id)
    },
    get size() {
      return entries.size
    },
  }
}
