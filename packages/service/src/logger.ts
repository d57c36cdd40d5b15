import { pino, stdSerializers, type DestinationStream, type Logger } from 'pino'

export type { Logger }

const SECRET_NAMES = [
  'password',
  'authorization',
  'cookie',
  'secret',
  'token',
  'access_token',
  'refresh_token',
  'key',
  'api_key',
  '["x-api-key"]',
  '["x-memoric-service-key"]',
  '["x-memoric-identity"]',
  'content',
  'query',
  'email',
]

/** Paths of what must never be in a log line, at the top and up to three levels below it. */
const REDACTED = SECRET_NAMES.flatMap((name) => {
  const dotted = name.startsWith('[') ? name : `.${name}`
  return [name, `*${dotted}`, `*.*${dotted}`, `*.*.*${dotted}`]
})

/** An error without the fields that libraries add: those of a database error repeat the values of the row. */
function serializeError(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error, message: 'what was thrown is not an Error' }
  const { type, message, stack, code } = stdSerializers.err(error)
  return { type, message, stack, ...(typeof code === 'string' && { code }) }
}

export interface LoggerOptions {
  readonly app: string
  readonly level: string
  readonly destination?: DestinationStream
}

/** JSON lines on stdout; secrets and content are replaced by `[redacted]`. */
export function createLogger({ app, level, destination }: LoggerOptions): Logger {
  const options = {
    level,
    base: { app },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: serializeError },
    redact: { paths: REDACTED, censor: '[redacted]' },
  }
  return destination ? pino(options, destination) : pino(options)
}
