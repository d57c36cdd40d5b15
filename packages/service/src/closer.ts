import type { Logger } from './logger.ts'

/** Collects what must be closed, and closes it last in, first out. */
export interface Closer {
  defer(name: string, close: () => unknown): void
  /** Closes everything once; a failure is logged and does not keep the rest open. */
  close(): Promise<void>
}

/** Makes an empty Closer. */
export function createCloser(log: Logger): Closer {
  const open: { name: string; close: () => unknown }[] = []
  return {
    defer(name, close) {
      open.push({ name, close })
    },
    async close() {
      for (const { name, close } of open.splice(0).reverse()) {
        try {
          await close()
        } catch (error) {
          log.error({ err: error, resource: name }, 'could not be closed')
        }
      }
    },
  }
}

/** Opens what an app needs; what was opened until then is closed again when that fails. */
export async function openWith<T>(log: Logger, open: (closer: Closer) => Promise<T>): Promise<T> {
  const closer = createCloser(log)
  try {
    return await open(closer)
  } catch (error) {
    await closer.close()
    throw error
  }
}
