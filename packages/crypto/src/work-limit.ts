import { CryptoError } from './errors.ts'

/** Runs work when a place is free. Rejects with CryptoError `busy` when the queue is full. */
export type WorkLimit = <T>(work: () => Promise<T>) => Promise<T>

/** Lets `concurrency` pieces of work run at once and `maxQueue` more wait, first come first served. */
export function createWorkLimit(concurrency: number, maxQueue: number): WorkLimit {
  const waiting: (() => void)[] = []
  let running = 0
  const enter = (): Promise<void> | undefined => {
    if (running < concurrency) {
      running += 1
      return undefined
    }
    if (waiting.length >= maxQueue) throw new CryptoError('busy')
    return new Promise((resolve) => waiting.push(resolve))
  }
  // A place passes straight to the next in line, so that no newcomer slips in between.
  const leave = (): void => {
    const next = waiting.shift()
    if (next === undefined) running -= 1
    else next()
  }
  return async (work) => {
    await enter()
    try {
      return await work()
    } finally {
      leave()
    }
  }
}
