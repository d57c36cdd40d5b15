import { isUtf8 } from 'node:buffer'
import { AppError } from './app-error.ts'

/** Deepest nesting of arrays and objects that a body may have. */
export const MAX_JSON_DEPTH = 32

/** Whole numbers of so few digits are exact. */
const LONG_NUMBER = /\d{16}/
const INTEGER = /^-?\d+$/

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d

/** Escapes that can make a NUL or half of a surrogate pair. */
const SUSPICIOUS_ESCAPE = /\\u(?:0000|[dD][89a-fA-F])/

interface Frame {
  /** Keys seen so far; null for an array. */
  readonly keys: Set<string> | null
  /** The key under which this frame stands. */
  readonly under: string
  expectsKey: boolean
  lastKey: string
}

/**
 * Parses a JSON body more strictly than JSON.parse: the bytes must be UTF-8, no object may name a key twice,
 * nesting ends at MAX_JSON_DEPTH, whole numbers must be kept exactly by a double, strings are well-formed and without NUL, and keys that reach prototypes are refused.
 * Throws AppError `malformed_json`.
 */
export function parseStrictJson(body: Buffer): unknown {
  if (!isUtf8(body)) throw malformed('the body is not UTF-8')
  const text = body.toString('utf8')
  const value = parse(text)
  checkStructure(text)
  if (LONG_NUMBER.test(text)) checkIntegers(text)
  if (text.includes('\\u') && SUSPICIOUS_ESCAPE.test(text)) checkStrings(value)
  return value
}

function malformed(detail: string): AppError {
  return new AppError('malformed_json', { detail })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw malformed('the body does not parse as JSON')
  }
}

/** One pass over text that is known to parse: depth, duplicate keys, keys that reach prototypes. */
function checkStructure(text: string): void {
  const frames: Frame[] = []
  let top: Frame | undefined
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        top = openFrame(frames, top, text.charCodeAt(at) === OPEN_OBJECT)
        break
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        frames.pop()
        top = frames.at(-1)
        break
      case COMMA:
        if (top?.keys) top.expectsKey = true
        break
      case QUOTE: {
        const end = endOfString(text, at)
        if (top?.keys && top.expectsKey) takeKey(top, top.keys, text.slice(at, end + 1))
        at = end
        break
      }
    }
  }
}

function openFrame(frames: Frame[], parent: Frame | undefined, isObject: boolean): Frame {
  if (frames.length === MAX_JSON_DEPTH) throw malformed(`nesting is deeper than ${MAX_JSON_DEPTH}`)
  const frame = {
    keys: isObject ? new Set<string>() : null,
    under: parent?.lastKey ?? '',
    expectsKey: isObject,
    lastKey: '',
  }
  frames.push(frame)
  return frame
}

/** Index of the quote that ends the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0
  while (text.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes++
  return backslashes % 2 === 1
}

function takeKey(frame: Frame, keys: Set<string>, quoted: string): void {
  const key = quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1)
  if (keys.has(key)) throw malformed('an object names the same key twice')
  if (key === '__proto__' || (key === 'prototype' && frame.under === 'constructor')) {
    throw malformed('an object has a key that is not allowed')
  }
  keys.add(key)
  frame.lastKey = key
  frame.expectsKey = false
}

/** A whole number beyond 2^53 mostly comes back as another one. */
function checkIntegers(text: string): void {
  for (let at = 0; at < text.length; at++) {
    if (text.charCodeAt(at) === QUOTE) at = endOfString(text, at)
    else if (isPartOfNumber(text.charCodeAt(at))) {
      const end = endOfNumber(text, at)
      if (end - at >= 16 && !isExact(text.slice(at, end))) {
        throw malformed('a whole number is too large to be kept exactly: send it as text')
      }
      at = end - 1
    }
  }
}

/** Digits, signs, point and exponent; the letters of `true`, `false` and `null` do no harm. */
function isPartOfNumber(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || code === 0x2d || code === 0x2b || code === 0x2e || (code | 0x20) === 0x65
}

function endOfNumber(text: string, start: number): number {
  let end = start
  while (isPartOfNumber(text.charCodeAt(end))) end++
  return end
}

/** Whether an integer is the same number as a double, or is how that double is written. */
function isExact(token: string): boolean {
  if (!INTEGER.test(token)) return true
  const value = Number(token)
  return Number.isFinite(value) && (String(value) === token || BigInt(value) === BigInt(token))
}

function checkStrings(value: unknown): void {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw malformed('a string has half of a surrogate pair')
    if (value.includes('\0')) throw malformed('a string contains NUL')
  } else if (Array.isArray(value)) {
    value.forEach(checkStrings)
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, member] of Object.entries(value)) {
      checkStrings(key)
      checkStrings(member)
    }
  }
}
