import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isRunning, type ProcessRecord, readRunning, recordProcess } from './process-record.ts'
import { writePrivateFile } from '@memoric/setup/write-private-file.ts'

/** Notes that a child runs, so that a later start can find it if this process is killed. */
export async function noteChild(folder: string, name: string, pid: number): Promise<void> {
  const record = await recordProcess(pid).catch(() => undefined)
  if (record !== undefined) await writePrivateFile(join(folder, `${name}.json`), JSON.stringify(record))
}

/** Forgets a child that has ended. */
export async function forgetChild(folder: string, name: string): Promise<void> {
  await rm(join(folder, `${name}.json`), { force: true })
}

/** Ends what a killed supervisor left running (SIGTERM, after `patience` ms SIGKILL); gives the names. */
export async function endStaleChildren(folder: string, patience = 10_000): Promise<string[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.json'))
  const ended = await Promise.all(files.map((file) => endStaleChild(join(folder, file), patience)))
  for (const file of files) await rm(join(folder, file), { force: true })
  return files.filter((_, index) => ended[index]).map((file) => file.replace(/\.json$/, ''))
}

async function endStaleChild(file: string, patience: number): Promise<boolean> {
  const record = await readRunning(file)
  if (record === undefined) return false
  send(record, 'SIGCONT')
  send(record, 'SIGTERM')
  for (let waited = 0; waited < patience && (await isRunning(record)); waited += 50) await sleep(50)
  if (await isRunning(record)) send(record, 'SIGKILL')
  while (await isRunning(record)) await sleep(20)
  return true
}

function send({ pid }: ProcessRecord, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended in between.
  }
}
