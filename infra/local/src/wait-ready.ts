import { setTimeout as sleep } from 'node:timers/promises'

export interface ReadyOptions {
  /** Answers 200 once it is ready. */
  url: string
  /** ms */
  patience: number
  signal: AbortSignal
}

/** Waits until a service says that it is ready. Throws after `patience`, and when the signal is aborted. */
export async function waitReady({ url, patience, signal }: ReadyOptions): Promise<void> {
  const deadline = Date.now() + patience
  while (!(await answersOk(url, signal))) {
    signal.throwIfAborted()
    if (Date.now() > deadline) throw new Error(`${url} is not ready after ${patience / 1000} s`)
    await sleep(50, undefined, { signal })
  }
}

async function answersOk(url: string, signal: AbortSignal): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(5_000)]) })
    await response.body?.cancel()
    return response.ok
  } catch {
    return false
  }
}
