import { ERRORS, type ErrorCode, type ProblemError } from '@memoric/contracts/error-codes.ts'

export interface AppErrorOptions {
  /** What the caller may know beyond the title; never a secret, SQL or a stack. */
  readonly detail?: string
  readonly errors?: readonly ProblemError[]
  /** Seconds after which the caller may try again. */
  readonly retryAfter?: number
  /** Headers that the answer has because of this error. */
  readonly headers?: Readonly<Record<string, string>>
  readonly cause?: unknown
}

/** An error that callers may see: its code decides status and title. */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly code: ErrorCode
  readonly detail: string | undefined
  readonly errors: readonly ProblemError[] | undefined
  readonly retryAfter: number | undefined
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ErrorCode, options: AppErrorOptions = {}) {
    super(ERRORS[code].title, { cause: options.cause })
    this.code = code
    this.detail = options.detail
    this.errors = options.errors
    this.retryAfter = options.retryAfter
    this.headers = options.headers ?? {}
  }

  get status(): number {
    return ERRORS[this.code].status
  }
}
