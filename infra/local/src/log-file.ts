import { appendFileSync } from 'node:fs'
import { copyFile, open, readdir, readFile, stat, truncate, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

const limit = 20 * 1024 * 1024

/** Opens the log of a process for appending (0600). */
export async function openLog(folder: string, name: string): Promise<FileHandle> {
  return open(join(folder, `${name}.log`), 'a', 0o600)
}

/** Appends lines to the log of a process that says little. */
export function logLines(folder: string, name: string): (line: string) => void {
  const file = join(folder, `${name}.log`)
  return (line) => appendFileSync(file, `${line}\n`, { mode: 0o600 })
}

/** The last lines of a log, for a message about what went wrong. */
export async function lastLines(folder: string, name: string, count = 15): Promise<string> {
  const text = await readFile(join(folder, `${name}.log`), 'utf8').catch(() => '')
  return text.trimEnd().split('\n').slice(-count).join('\n')
}

/** Keeps logs small: one above 20 MiB becomes `<name>.log.old` and starts anew. Its writers append, so they just go on. */
export async function trimLogs(folder: string, maxBytes = limit): Promise<void> {
  for (const name of await readdir(folder)) {
    const file = join(folder, name)
    if (!name.endsWith('.log') || (await stat(file)).size <= maxBytes) continue
    await copyFile(file, `${file}.old`)
    await truncate(file)
  }
}
