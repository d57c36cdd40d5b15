import { AppError } from '@memoric/service/app-error.ts'

/** NIST SP 800-63B-4 section 3.1.1.2: a password that stands alone has 15 characters at least, of any kind. */
const MIN_LENGTH = 15
const MAX_LENGTH = 128

/** Throws AppError `weak_password` unless the password has 15 to 128 code points, counted as it is hashed (NFKC). */
export function requireGoodPassword(password: string): void {
  const length = Array.from(password.normalize('NFKC')).length
  if (length < MIN_LENGTH) throw weak(`it has ${length} characters and needs ${MIN_LENGTH} at least`)
  if (length > MAX_LENGTH) throw weak(`it has ${length} characters and may have ${MAX_LENGTH} at most`)
}

function weak(detail: string): AppError {
  return new AppError('weak_password', { detail, errors: [{ pointer: '/password', message: detail }] })
}
