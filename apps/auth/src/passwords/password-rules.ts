import { AppError } from '@memoric/service/app-error.ts'
import { isCommonPassword } from './common-passwords.ts'
import { fold, formsOf, isSequence, repeatedUnit } from './password-forms.ts'

/** NIST SP 800-63B-4 section 3.1.1.2: a password that stands alone has 15 characters at least, of any kind. */
const MIN_LENGTH_ALONE = 15
/** The same section: 8 where a second factor is asked for as well. */
const MIN_LENGTH_WITH_SECOND_FACTOR = 8
const MAX_LENGTH = 128

/** What a password is measured by. */
export interface PasswordOwner {
  readonly email: string
  readonly displayName?: string | null | undefined
  readonly tenantName?: string | null | undefined
  /** Whether the account keeps a confirmed second factor. */
  readonly hasSecondFactor: boolean
  /** `password_min_length` of the tenant: can only raise what a password needs that stands alone. */
  readonly minLength: number | null
}

/** Field of the body that holds the password. */
export type PasswordPointer = '/password' | '/new_password'

/** Throws AppError `weak_password`, which says why, unless the password may be set for its owner. Nothing is said of its characters. */
export async function requireGoodPassword(
  password: string,
  owner: PasswordOwner,
  pointer: PasswordPointer = '/password',
): Promise<void> {
  const reason = wrongLength(password, owner) ?? tooSimple(password) ?? contextWord(password, owner)
  if (reason !== undefined) throw weak(pointer, reason)
  for (const form of formsOf(password)) {
    if (await isCommonPassword(form)) throw weak(pointer, 'it is one of the passwords that are tried first')
  }
}

/** Throws AppError `weak_password` when the new password is the current one. */
export function requireOtherPassword(newPassword: string, current: string): void {
  if (newPassword.normalize('NFKC') === current.normalize('NFKC')) throw weak('/new_password', 'it is the current one')
}

/** Whether a password is long enough for an account without a second factor. */
export function standsAlone(password: string): boolean {
  return lengthOf(password) >= MIN_LENGTH_ALONE
}

/** In code points, as it is hashed. */
function lengthOf(password: string): number {
  return Array.from(password.normalize('NFKC')).length
}

function wrongLength(password: string, { hasSecondFactor, minLength }: PasswordOwner): string | undefined {
  const least = hasSecondFactor ? MIN_LENGTH_WITH_SECOND_FACTOR : Math.max(MIN_LENGTH_ALONE, minLength ?? 0)
  const length = lengthOf(password)
  if (length < least) return `it has ${length} characters and needs ${least} at least`
  return length > MAX_LENGTH ? `it has ${length} characters and may have ${MAX_LENGTH} at most` : undefined
}

function tooSimple(password: string): string | undefined {
  if (Array.from(repeatedUnit(fold(password))).length <= 3) return 'it repeats the same few characters'
  return isSequence(password) ? 'it is a sequence of neighbouring characters' : undefined
}

/** ASVS 5.0, 6.2.11: what everybody guesses first who knows whose password it is. */
function contextWord(password: string, { email, displayName, tenantName }: PasswordOwner): string | undefined {
  const forms = formsOf(password)
  const words = {
    'the e-mail address': [email, email.slice(0, email.lastIndexOf('@'))],
    'the name of the user': [displayName ?? ''],
    'the name of the tenant': [tenantName ?? ''],
    'the name of this service': ['memoric'],
  }
  const found = Object.entries(words).find(([, texts]) =>
    texts.some((text) => [...formsOf(text)].some((form) => forms.has(form))),
  )
  return found === undefined ? undefined : `it is little more than ${found[0]}`
}

function weak(pointer: PasswordPointer, detail: string): AppError {
  return new AppError('weak_password', { detail, errors: [{ pointer, message: detail }] })
}
