import { randomBytes } from 'node:crypto'
import { link, rename, rm } from 'node:fs/promises'
import type { Home } from './home.ts'
import { readRunning, recordProcess } from './process-record.ts'
import { writePrivateFile } from '@memoric/setup/write-private-file.ts'

/** Takes a home for this process; the result gives it back. Throws when another stack runs in it. */
export async function lockHome(home: Home): Promise<() => Promise<void>> {
  const mine = `${home.lock}.${randomBytes(6).toString('hex')}`
  await writePrivateFile(mine, JSON.stringify(await recordProcess(process.pid)))
  try {
    await takeLock(home, mine)
  } finally {
    await rm(mine, { force: true })
  }
  return () => rm(home.lock, { force: true })
}

/** `link` fails when the name is taken, so of two processes one gets it. */
async function takeLock(home: Home, mine: string): Promise<void> {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    if (await linked(mine, home.lock)) return
    const owner = await readRunning(home.lock)
    if (owner !== undefined) throw alreadyRunning(home, owner.pid)
    const stale = `${mine}.stale`
    await rename(home.lock, stale).catch(() => undefined)
    await rm(stale, { force: true })
  }
  throw new Error(`Another stack is being started in ${home.path}.`)
}

async function linked(from: string, to: string): Promise<boolean> {
  return link(from, to).then(
    () => true,
    () => false,
  )
}

function alreadyRunning(home: Home, pid: number): Error {
  return new Error(
    `Memoric already runs in ${home.path} (process ${pid}). Stop it with Ctrl-C where it was started, or with "kill ${pid}". ` +
      'For a second stack, set MEMORIC_HOME to another folder and PORT to another port.',
  )
}
