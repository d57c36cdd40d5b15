import { open, rm, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

const PATIENCE_MS = 10_000

/** Older than any work that is done under a lock: whoever made it has died. */
const STALE_MS = 30_000

/** Does `work` while no other process that asks for the same lock does its own. Throws when the other does not come to an end. */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS
  while (!(await isTaken(path))) {
    await removeIfStale(path)
    if (performance.now() > deadline) throw new Error(`Somebody else is at work: ${path}`)
    await sleep(50)
  }
  try {
    return await work()
  } finally {
    await rm(path, { force: true })
  }
}

/** Whether the lock is ours now. */
async function isTaken(path: string): Promise<boolean> {
  try {
    await (await open(path, 'wx', 0o600)).close()
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function removeIfStale(path: string): Promise<void> {
  const made = await stat(path).catch(() => null)
  if (made !== null && Date.now() - made.mtimeMs > STALE_MS) await rm(path, { force: true })
}
