import { createLogger, type Logger } from '../src/logger.ts'

export interface CapturedLog {
  readonly log: Logger
  /** All that was logged, one JSON line each. */
  readonly text: () => string
}

/** A real logger whose lines can be read. */
export function captureLog(level = 'trace'): CapturedLog {
  let text = ''
  const log = createLogger({ app: 'test', level, destination: { write: (line) => void (text += line) } })
  return { log, text: () => text }
}
