import { execFile } from 'node:child_process'
import { readFile, readlink, realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * Clears what a killed owner left in a cluster: a server that still runs on it is stopped (fast shutdown, then at once), and a
 * postmaster.pid whose process is gone, or is now something else, is removed, since PostgreSQL would believe it.
 */
export async function clearStalePostgres(cluster: string): Promise<void> {
  const pidFile = join(cluster, 'postmaster.pid')
  const pid = Number.parseInt(await readFile(pidFile, 'utf8').catch(() => ''), 10)
  if (Number.isInteger(pid) && pid > 0) await stopPostmaster(pid, cluster)
  await rm(pidFile, { force: true })
}

async function stopPostmaster(pid: number, cluster: string): Promise<void> {
  const steps = [...Array<NodeJS.Signals>(100).fill('SIGINT'), ...Array<NodeJS.Signals>(50).fill('SIGQUIT')]
  for (const signal of steps) {
    if (!(await isPostmasterOf(pid, cluster))) return
    process.kill(pid, signal)
    await sleep(100)
  }
  throw new Error(`Process ${pid} still uses ${cluster}: end it and start again.`)
}

async function isPostmasterOf(pid: number, cluster: string): Promise<boolean> {
  try {
    return (await readlink(`/proc/${pid}/cwd`)) === (await realpath(cluster))
  } catch {
    const { stdout } = await run('ps', ['-p', String(pid), '-o', 'command=']).catch(() => ({ stdout: '' }))
    return stdout.includes('postgres') && stdout.includes(cluster)
  }
}
