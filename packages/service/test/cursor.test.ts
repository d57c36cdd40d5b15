import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { decodeCursor, encodeCursor } from '../src/cursor.ts'

const position = z.tuple([z.iso.datetime(), z.int()])

describe('a cursor', () => {
  test('gives back its position', () => {
    const law = fc.property(fc.jsonValue(), (any) => {
      const expected: unknown = JSON.parse(JSON.stringify(any))
      expect(decodeCursor(encodeCursor(any), z.unknown())).toEqual(expected)
    })
    fc.assert(law)
  })

  test('is safe in a query string', () => {
    expect(encodeCursor(['ÿþ>?', 1])).toMatch(/^[\w-]+$/)
  })

  test.each(['', 'x', '%%%', encodeCursor([1, 2]), encodeCursor({}), encodeCursor(null), 'A'.repeat(10_000)])(
    'that the endpoint did not give is refused: %.20s',
    (cursor) => {
      expect(() => decodeCursor(cursor, position)).toThrow(expect.objectContaining({ code: 'invalid_cursor' }) as Error)
    },
  )

  test('of any text never throws anything else', () => {
    const law = fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(() => decodeCursor(text, position)).toThrow(expect.objectContaining({ code: 'invalid_cursor' }) as Error)
    })
    fc.assert(law)
  })
})
