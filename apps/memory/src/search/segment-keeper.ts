import type { Logger } from '@memoric/service/logger.ts'
import type { SubjectPlace } from './segment-repository.ts'

/** Writes segments in the background, one subject after the other. */
export interface SegmentKeeper {
  /** Has the segments of a subject written soon; once, however often it is asked for until then. */
  add(place: SubjectPlace): void
  /** Waits for what is being written; nothing is begun any more. */
  close(): Promise<void>
}

/** Most subjects that wait; others come again with their next changes. */
const MAX_WAITING = 10_000

export function createSegmentKeeper(store: (place: SubjectPlace) => Promise<void>, log: Logger): SegmentKeeper {
  const waiting = new Map<string, SubjectPlace>()
  let running: Promise<void> | undefined
  let isClosed = false
  return {
    add(place) {
      if (isClosed || waiting.size >= MAX_WAITING) return
      waiting.set(`${place.tenantId} ${place.subjectId}`, place)
      running ??= run()
    },
    async close() {
      isClosed = true
      waiting.clear()
      await running
    },
  }

  async function run(): Promise<void> {
    // Not in the turn of the one who asked.
    await new Promise(setImmediate)
    for (const [id, place] of waiting) {
      waiting.delete(id)
      // The index stays right without its segments; the next change of the subject asks for them again.
      await store(place).catch((error: unknown) => log.warn({ err: error, ...place }, 'segments could not be written'))
    }
    running = undefined
  }
}
