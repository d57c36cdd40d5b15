import { isUtf8 } from 'node:buffer'
import { AppError } from '@memoric/service/app-error.ts'

/**
 * A form (application/x-www-form-urlencoded) as JSON, as RFC 6749 section 3.2 wants it read: of the parameters in `names`, those that
 * have a value. Throws AppError `malformed_request` for a parameter that is there twice and for what is not well encoded.
 */
export function formToJson(body: Buffer, names: readonly string[]): Buffer {
  if (!isUtf8(body)) throw malformed('the body is not UTF-8')
  const seen = new Map<string, string>()
  for (const part of body.toString().split('&')) {
    if (part === '') continue
    const [name, value] = decodedPair(part)
    if (seen.has(name)) throw malformed('the form has a parameter twice')
    seen.set(name, value)
  }
  const known = [...seen].filter(([name, value]) => value !== '' && names.includes(name))
  return Buffer.from(JSON.stringify(Object.fromEntries(known)))
}

function decodedPair(part: string): [name: string, value: string] {
  const end = part.indexOf('=')
  try {
    return end === -1 ? [decoded(part), ''] : [decoded(part.slice(0, end)), decoded(part.slice(end + 1))]
  } catch {
    throw malformed('the form is not percent-encoded UTF-8')
  }
}

function decoded(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '))
}

function malformed(detail: string): AppError {
  return new AppError('malformed_request', { detail })
}
