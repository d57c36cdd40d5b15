import { expect, test } from 'vitest'
import { ERRORS, isErrorCode } from '../src/error-codes.ts'

test('every error has a status of HTTP that is an error, a title without end, and a code in snake case', () => {
  for (const [code, { status, title }] of Object.entries(ERRORS)) {
    expect(code).toMatch(/^[a-z]+(?:_[a-z]+)*$/)
    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(600)
    expect(title).toMatch(/^[A-Z].*[a-zA-Z]$/)
  }
})

test('a code is known only when it is in the table itself', () => {
  expect(isErrorCode('memory_not_found')).toBe(true)
  for (const code of ['', 'toString', '__proto__', 'constructor', 'MEMORY_NOT_FOUND'])
    expect(isErrorCode(code)).toBe(false)
})
