import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { embedSubject, type EmbedSubjectDeps } from './embed-subject.ts'
import { EmbeddingError } from './embedding-error.ts'
import { countWaiting, selectWaiting } from './vector-repository.ts'

/** Gives memories their vectors in the background. */
export interface Embedder {
  /** Told that memories of a subject have changed. */
  wake(place: SubjectPlace): void
  /** Looks for subjects that nobody was told of. */
  sweep(): Promise<void>
  /** Changes that were not looked at yet. */
  waiting(): Promise<number>
  /** Vectors that were made since the process started, memories that the endpoint did not take, and requests that failed. */
  counts(): Readonly<Record<'made' | 'refused' | 'failed', number>>
  close(): Promise<void>
}

export interface EmbedderOptions extends Omit<EmbedSubjectDeps, 'signal' | 'onDone'> {
  /** Ms between two looks for what other processes left behind. */
  readonly everyMs?: number
}

/** Subjects at a time. */
const TOGETHER = 4
/** Subjects that wait in memory; others are found by looking. */
const MOST_WAITING = 10_000
const LOOK = 500
const JITTER = 0.2
/** Pause after a failure that has none of its own. */
const PAUSE_MS = 2000

/** Any number of processes may do this: a lease keeps them from doing the same. */
export function createEmbedder({ everyMs = 30_000, ...options }: EmbedderOptions): Embedder {
  const stopping = new AbortController()
  const counts = { made: 0, refused: 0, failed: 0 }
  const deps: EmbedSubjectDeps = { ...options, signal: stopping.signal, onDone }
  const waiting = new Map<string, SubjectPlace>()
  const running = new Map<string, Promise<void>>()
  let timer: NodeJS.Timeout | undefined
  let resting: NodeJS.Timeout | undefined
  let sweeping: Promise<void> = Promise.resolve()
  schedule(1000)

  return {
    wake(place) {
      add(place)
      // Not in the turn of the one who wrote.
      setImmediate(pump)
    },
    sweep,
    async waiting() {
      const [[row]] = await systemFlight(deps.sql, (tx) => [countWaiting(tx, deps.model)])
      return row?.changes ?? 0
    },
    counts: () => counts,
    async close() {
      stopping.abort()
      clearTimeout(timer)
      clearTimeout(resting)
      waiting.clear()
      await Promise.all([...running.values(), sweeping])
    },
  }

  function onDone(made: number, refused: number): void {
    counts.made += made
    counts.refused += refused
  }

  function add(place: SubjectPlace): void {
    const id = `${place.tenantId} ${place.subjectId}`
    if (waiting.size < MOST_WAITING) waiting.set(id, place)
  }

  function pump(): void {
    if (stopping.signal.aborted || resting !== undefined) return
    for (const [id, place] of waiting) {
      if (running.size >= TOGETHER) return
      if (running.has(id)) continue
      waiting.delete(id)
      running.set(
        id,
        run(place).finally(() => (running.delete(id), setImmediate(pump))),
      )
    }
  }

  async function run(place: SubjectPlace): Promise<void> {
    try {
      await embedSubject(deps, place)
    } catch (error) {
      if (stopping.signal.aborted) return
      counts.failed += 1
      deps.log.warn({ err: error, tenant_id: place.tenantId }, 'memories get their vectors later')
      if (!(error instanceof EmbeddingError)) return
      add(place)
      rest()
    }
  }

  /** Leaves the endpoint alone. */
  function rest(): void {
    const pause = Math.max(PAUSE_MS, deps.breaker.pause())
    resting ??= setTimeout(() => {
      resting = undefined
      pump()
    }, pause).unref()
  }

  function schedule(pause: number): void {
    if (stopping.signal.aborted) return
    timer = setTimeout(
      () => {
        sweeping = sweep()
          .catch((error: unknown) =>
            deps.log.warn({ err: error }, 'memories that wait for vectors are looked for later'),
          )
          .then(() => schedule(everyMs))
      },
      pause * (1 - JITTER * Math.random()),
    ).unref()
  }

  async function sweep(): Promise<void> {
    const [rows] = await systemFlight(deps.sql, (tx) => [selectWaiting(tx, deps.model, LOOK)])
    for (const { tenant_id: tenantId, subject_id: subjectId } of rows) add({ tenantId, subjectId })
    pump()
  }
}
