import { isUtf8 } from 'node:buffer'
import { MAX_JSON_DEPTH } from '@memoric/service/strict-json.ts'

/** Texts in which something may be that strict parsing refuses: escapes of NUL and half surrogates, keys that reach prototypes. */
const SUSPICIOUS = ['\\u', '"__proto__"', '"prototype"']
const OPENING = ['{', '[']

/**
 * The value of JSON that is written exactly as JSON.stringify writes it, as the apps do; undefined for any other, about which
 * `parseStrictJson` decides. What is written so names no key twice and has no number that is kept as another one; it cannot be nested
 * deeper than it has brackets. A fifth of the work of the strict parser.
 */
export function parsePlainJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) return undefined
  const text = bytes.toString('utf8')
  if (SUSPICIOUS.some((part) => text.includes(part)) || !isFlat(text)) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return JSON.stringify(value) === text ? value : undefined
  } catch {
    return undefined
  }
}

function isFlat(text: string): boolean {
  let brackets = 0
  for (const bracket of OPENING) {
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) brackets += 1
    if (brackets > MAX_JSON_DEPTH) return false
  }
  return true
}
