import { readFile } from 'node:fs/promises'
import { processIdentity } from './process-identity.ts'

/** A process as it is written into a file: its id, and what tells it from a later process with the same id. */
export interface ProcessRecord {
  pid: number
  identity: string
}

/** The record of a running process. Throws when there is none. */
export async function recordProcess(pid: number): Promise<ProcessRecord> {
  const identity = await processIdentity(pid)
  if (identity === undefined) throw new Error(`There is no process ${pid}`)
  return { pid, identity }
}

/** The process that a file records, if it still runs. */
export async function readRunning(file: string): Promise<ProcessRecord | undefined> {
  const record = parseRecord(await readFile(file, 'utf8').catch(() => ''))
  return record !== undefined && (await isRunning(record)) ? record : undefined
}

/** Whether the recorded process itself still runs. */
export async function isRunning({ pid, identity }: ProcessRecord): Promise<boolean> {
  return (await processIdentity(pid)) === identity
}

function parseRecord(text: string): ProcessRecord | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || !('pid' in value) || !('identity' in value)) return undefined
    const { pid, identity } = value
    return typeof pid === 'number' && pid > 1 && typeof identity === 'string' ? { pid, identity } : undefined
  } catch {
    return undefined
  }
}
