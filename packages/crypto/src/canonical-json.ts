import { CryptoError } from './errors.ts'

/**
 * The one spelling of a JSON value (RFC 8785): members sorted by UTF-16 code units, numbers as ECMAScript writes them, no spaces.
 * @throws CryptoError `invalid_fields` for what JSON cannot say: undefined, a function, a Date, a number that is not finite, half of
 *   a surrogate pair.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return canonicalText(value)
  if (typeof value === 'number') return canonicalNumber(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (!isPlain(value)) throw new CryptoError('invalid_fields')
  let members = ''
  for (const name of Object.keys(value).sort()) {
    members += `${members === '' ? '' : ','}${canonicalText(name)}:${canonicalJson(value[name])}`
  }
  return `{${members}}`
}

function canonicalText(text: string): string {
  if (!text.isWellFormed()) throw new CryptoError('invalid_fields')
  return JSON.stringify(text)
}

function canonicalNumber(value: number): string {
  if (!Number.isFinite(value)) throw new CryptoError('invalid_fields')
  return JSON.stringify(value)
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
