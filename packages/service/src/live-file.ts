import { readFile, stat } from 'node:fs/promises'
import type { FastifyBaseLogger } from 'fastify'

/** What a file holds, read again when the file changes. */
export interface LiveFile<T> {
  current(): T
  close(): void
}

export interface LiveFileOptions<T> {
  /** Null for a value that never changes. */
  readonly path: string | null
  readonly initial: T
  /** Reads the text of the file, without its last line break; throws for what cannot be used. */
  readonly parse: (text: string) => T
  readonly log: Pick<FastifyBaseLogger, 'info' | 'error'>
  /** How often the file is looked at, ms. */
  readonly everyMs?: number
}

/**
 * Follows a file. While it is missing or damaged the last good value stays, and the log says so once for each state of the file.
 */
export function followFile<T>({ path, initial, parse, log, everyMs = 2000 }: LiveFileOptions<T>): LiveFile<T> {
  if (path === null) return { current: () => initial, close: () => undefined }
  const held = { value: initial, seen: '' }
  const file = path

  async function look(): Promise<void> {
    const state = await stateOf(file)
    if (state === held.seen) return
    const text = await readFile(file, 'utf8').catch((error: unknown) => error)
    // What changed while it was read is looked at again.
    if ((await stateOf(file)) !== state) return
    use(text)
    held.seen = state
  }

  function use(text: unknown): void {
    try {
      if (typeof text !== 'string') throw text
      held.value = parse(text.replace(/\r?\n$/, ''))
      if (held.seen !== '') log.info({ file }, 'the file has changed and is in use')
    } catch (error) {
      log.error({ err: error, file }, 'the file cannot be used: what it held before stays in use')
    }
  }

  let looking = look()
  const timer = setInterval(() => void (looking = looking.then(look)), everyMs).unref()
  return { current: () => held.value, close: () => clearInterval(timer) }
}

/** What differs when a file was written or replaced. */
async function stateOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeMs, ctimeMs } = await stat(path)
    return [ino, size, mtimeMs, ctimeMs].join(' ')
  } catch {
    return 'missing'
  }
}
