import { ERRORS, isErrorCode, type Problem } from '@memoric/contracts/error-codes.ts'
import { oauthErrorOf } from '@memoric/contracts/oauth-errors.ts'
import { AppError } from './app-error.ts'

export const PROBLEM_CONTENT_TYPE = 'application/problem+json; charset=utf-8'

/** RFC 9457 body of an error for the request `requestId`; `isOAuth` where OAuth clients ask (`Route.form`). */
export function problemOf(error: AppError, requestId: string, isOAuth = false): Problem {
  const { status, title } = ERRORS[error.code]
  return {
    type: `urn:memoric:error:${error.code}`,
    title,
    status,
    code: error.code,
    ...(error.detail !== undefined && { detail: error.detail }),
    request_id: requestId,
    ...(error.errors && { errors: [...error.errors] }),
    ...(isOAuth && { error: oauthErrorOf(error.code) }),
  }
}

/** Errors of Fastify and its plugins, by their code. */
const FRAMEWORK_ERRORS: Readonly<Record<string, string>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload_too_large',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformed_request',
  FST_ERR_BAD_URL: 'malformed_request',
  FST_ERR_MAX_PARAM_LENGTH: 'route_not_found',
  FST_ERR_HANDLER_TIMEOUT: 'service_unavailable',
  FST_UNDER_PRESSURE: 'overloaded',
  ECONNRESET: 'malformed_request',
}

/** The error that callers may see in place of `error`; what is not known becomes `internal_error` with the cause kept. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  const { code, statusCode } = (error ?? {}) as { code?: unknown; statusCode?: unknown }
  const known = typeof code === 'string' ? FRAMEWORK_ERRORS[code] : undefined
  if (known !== undefined && isErrorCode(known)) return new AppError(known, { cause: error })
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return new AppError('malformed_request', { cause: error })
  }
  return new AppError('internal_error', { cause: error })
}
