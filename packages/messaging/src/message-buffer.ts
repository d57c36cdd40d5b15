/** Gathers what arrives into batches. */
export interface MessageBuffer<T> {
  push: (item: T) => void
  /** Up to `size` items: as soon as there are that many, or `gatherMs` after the first. An empty batch once all is over. */
  next: () => Promise<T[]>
  /** No more will come; `next` still gives what is there. */
  end: () => void
}

export function createMessageBuffer<T>(size: number, gatherMs: number): MessageBuffer<T> {
  let items: T[] = []
  let ended = false
  let wake: (() => void) | undefined
  let timer: NodeJS.Timeout | undefined

  function push(item: T): void {
    if (ended) return
    items.push(item)
    if (wake === undefined) return
    if (items.length >= size) wake()
    else timer ??= setTimeout(wake, gatherMs)
  }

  async function next(): Promise<T[]> {
    if (items.length < size && !ended) await enough()
    const batch = items.slice(0, size)
    items = items.slice(size)
    return batch
  }

  function enough(): Promise<void> {
    return new Promise((resolve) => {
      wake = () => {
        clearTimeout(timer)
        timer = wake = undefined
        resolve()
      }
      if (items.length > 0) timer = setTimeout(wake, gatherMs)
    })
  }

  function end(): void {
    ended = true
    wake?.()
  }

  return { push, next, end }
}
