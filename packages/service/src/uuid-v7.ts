import { randomUUID } from 'node:crypto'

const SEQUENCE_END = 0x1000

/**
 * Makes a generator of UUIDv7 (RFC 9562 section 6.2, method 1): ids of one generator ascend even within a millisecond,
 * by a 12-bit counter that starts anew with each millisecond and borrows the next when it is full.
 * `now` gives ms since the epoch.
 */
export function createUuidV7(now: () => number = Date.now): () => string {
  let time = 0
  let sequence = 0
  return () => {
    const current = now()
    if (current > time) {
      time = current
      sequence = 0
    } else if (++sequence === SEQUENCE_END) {
      time += 1
      sequence = 0
    }
    const clock = time.toString(16).padStart(12, '0')
    const counter = sequence.toString(16).padStart(3, '0')
    return `${clock.slice(0, 8)}-${clock.slice(8)}-7${counter}${randomUUID().slice(18)}`
  }
}

/** A UUIDv7 of this process. */
export const uuidV7 = createUuidV7()
