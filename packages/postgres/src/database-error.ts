/** SQLSTATEs that this project looks at (PostgreSQL manual, appendix A). */
export const SQLSTATE = {
  uniqueViolation: '23505',
  foreignKeyViolation: '23503',
  checkViolation: '23514',
  invalidTextRepresentation: '22P02',
  insufficientPrivilege: '42501',
  queryCanceled: '57014',
  lockNotAvailable: '55P03',
  inFailedTransaction: '25P02',
  tooManyConnections: '53300',
  adminShutdown: '57P01',
  crashShutdown: '57P02',
  cannotConnectNow: '57P03',
  idleSessionTimeout: '57P05',
  idleInTransactionTimeout: '25P03',
} as const

const UNAVAILABLE = new Set<string>([
  SQLSTATE.tooManyConnections,
  SQLSTATE.adminShutdown,
  SQLSTATE.crashShutdown,
  SQLSTATE.cannotConnectNow,
  SQLSTATE.idleSessionTimeout,
  SQLSTATE.idleInTransactionTimeout,
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
])

const CONNECTION_EXCEPTION_CLASS = '08'

/** The database cannot be reached, or was lost in the middle: the transaction may be tried again (a commit may have been applied). */
export class DatabaseUnavailable extends Error {
  override readonly name = 'DatabaseUnavailable'

  constructor(detail: string, options?: ErrorOptions) {
    super(`the database is unavailable: ${detail}`, options)
  }
}

/** Code of a database or system error: an SQLSTATE, a code of postgres.js, or an errno name. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** True when trying again later may help: no connection, lost connection, shutting down, out of connections. */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof DatabaseUnavailable) return true
  const code = errorCode(error)
  return (
    code !== undefined && (UNAVAILABLE.has(code) || (code.length === 5 && code.startsWith(CONNECTION_EXCEPTION_CLASS)))
  )
}

/** The error itself, or `DatabaseUnavailable` around it when that is what it means. */
export function asDatabaseError(error: unknown): unknown {
  if (error instanceof DatabaseUnavailable || !isUnavailable(error)) return error
  return new DatabaseUnavailable(errorCode(error) ?? 'no connection', { cause: error })
}

/** True for a duplicate key; with `constraint`, only of the constraint or unique index of that name. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  if (errorCode(error) !== SQLSTATE.uniqueViolation) return false
  return constraint === undefined || (error as { constraint_name?: unknown }).constraint_name === constraint
}

/** True when the server refused the statement (as opposed to the client, or the connection between them). */
export function isServerError(error: unknown): boolean {
  return error instanceof Error && 'severity' in error
}
