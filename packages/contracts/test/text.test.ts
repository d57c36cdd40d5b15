import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { z } from 'zod'
import { identifier, jsonObject, jsonValue, queryInteger, text, textBytes, timestamp, utf8Length } from '../src/text.ts'

function accepts(schema: z.ZodType, value: unknown): boolean {
  return schema.safeParse(value).success
}

describe('text', () => {
  test.each(['x', 'é', '字', '😀'])('is counted in code points: 50 of %s fit, 51 do not', (character) => {
    expect(accepts(text(50), character.repeat(50))).toBe(true)
    expect(accepts(text(50), character.repeat(51))).toBe(false)
  })

  test.each(['', ' ', '\t\n', '\u00a0\u3000', 'a\0', '\0'])('refuses what is blank or has NUL: %j', (value) => {
    expect(accepts(text(50), value)).toBe(false)
  })

  test.each([null, undefined, 7, {}, ['x']])('refuses what is not a string: %j', (value) => {
    expect(accepts(text(50), value)).toBe(false)
  })
})

describe('text limited in bytes', () => {
  test.each([
    ['x', 12],
    ['é', 6],
    ['字', 4],
    ['😀', 3],
  ])('is counted in UTF-8: of %s, %d fit in 12 bytes', (character, count) => {
    expect(accepts(textBytes(12), character.repeat(count))).toBe(true)
    expect(accepts(textBytes(12), character.repeat(count + 1))).toBe(false)
    expect(accepts(textBytes(12), `${character.repeat(count)}x`)).toBe(false)
  })

  test('refuses what is blank', () => {
    expect(accepts(textBytes(12), '')).toBe(false)
    expect(accepts(textBytes(12), ' \n ')).toBe(false)
  })

  test('accepts what Buffer counts as no more than the limit', () => {
    const law = fc.property(fc.string({ unit: 'binary' }), (any) => {
      expect(utf8Length(any)).toBe(Buffer.byteLength(any))
      expect(accepts(textBytes(16), any)).toBe(Buffer.byteLength(any) <= 16 && any.trim() !== '')
    })
    fc.assert(law)
  })
})

describe('an identifier', () => {
  test.each(['a', 'user-42', 'Ann Lee', 'ann@example.com', '字', 'a/b:c', '*', 'x'.repeat(128), '😀'.repeat(128)])(
    'may be %s',
    (value) => {
      expect(accepts(identifier, value)).toBe(true)
    },
  )

  test.each([
    '',
    ' ',
    ' a',
    'a ',
    'a\n',
    'a\nb',
    'a\0',
    'a\u001b[31m',
    'a\u2028b',
    '\u00a0a',
    'x'.repeat(129),
    '😀'.repeat(129),
  ])('may not be %j', (value) => {
    expect(accepts(identifier, value)).toBe(false)
  })
})

describe('a timestamp', () => {
  test.each(['2026-11-21T19:00:00Z', '2026-11-21T19:00:00.123456Z', '2026-11-21T19:00:00+02:00'])(
    'may be %s',
    (value) => {
      expect(accepts(timestamp, value)).toBe(true)
    },
  )

  test.each(['2026-11-21', '2026-11-21T19:00:00', '2026-13-01T00:00:00Z', '2026-02-30T00:00:00Z', 'now', 0])(
    'may not be %s',
    (value) => {
      expect(accepts(timestamp, value)).toBe(false)
    },
  )
})

describe('a JSON object', () => {
  test('is counted in bytes once written', () => {
    const fill = (bytes: number) => ({ a: 'x'.repeat(bytes - '{"a":""}'.length) })
    expect(accepts(jsonObject(64), fill(64))).toBe(true)
    expect(accepts(jsonObject(64), fill(65))).toBe(false)
    expect(accepts(jsonObject(64), { a: '字'.repeat(19) })).toBe(false)
  })

  test.each([[[]], ['x'], [null], [7]])('is nothing else: %j', (value) => {
    expect(accepts(jsonObject(64), value)).toBe(false)
  })

  test('keeps every JSON value that the parser of bodies lets through', () => {
    const law = fc.property(fc.jsonValue(), (any) => {
      const written = JSON.stringify(any)
      fc.pre(!written.includes('__proto__'))
      const value: unknown = JSON.parse(written)
      expect(jsonValue.parse(value)).toEqual(value)
    })
    fc.assert(law)
  })
})

describe('a whole number in a query', () => {
  test.each([
    ['1', 1],
    ['200', 200],
    ['007', 7],
  ])('is read: %s', (written, value) => {
    expect(queryInteger(1, 200).parse(written)).toBe(value)
  })

  test.each(['', '0', '201', '-1', '+1', '1.5', '1e2', '0x10', ' 1', '1\n', '9'.repeat(16), 'NaN'])(
    'is not %j',
    (written) => {
      expect(accepts(queryInteger(1, 200), written)).toBe(false)
    },
  )
})
