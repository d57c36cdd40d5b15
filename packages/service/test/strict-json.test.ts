import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MAX_JSON_DEPTH, parseStrictJson } from '../src/strict-json.ts'

function parse(text: string): unknown {
  return parseStrictJson(Buffer.from(text))
}

const refused = expect.objectContaining({ code: 'malformed_json' }) as Error

describe('strict JSON', () => {
  test.each([
    ['at the top', '{"a":1,"a":2}'],
    ['with the same value', '{"a":1,"a":1}'],
    ['nested', '{"x":{"y":{"a":1,"b":2,"a":3}}}'],
    ['in the second object of an array', '[{"a":1},{"a":1,"b":[],"a":2}]'],
    ['after a nested value that ends', '{"a":{"b":[1,{"c":2}]},"a":3}'],
    ['spelled by an escape', String.raw`{"a":1,"\u0061":2}`],
    ['spelled by two escapes', String.raw`{"a\/b":1,"a/b":2}`],
    ['that is empty', '{"":1,"":2}'],
    ['with a quote and backslashes in it', String.raw`{"a\\\"":1,"b":2,"a\\\"":3}`],
    ['between white space', '{ "a" : 1 ,\n\t"a"\r: 2 }'],
  ])('refuses a key named twice %s', (_where, text) => {
    expect(() => parse(text)).toThrow(refused)
  })

  test.each([
    ['the same key in two objects', '[{"a":1},{"a":2}]'],
    ['the same key at two levels', '{"a":{"a":{"a":1}}}'],
    ['a value that equals a key', '{"a":"b","b":"a"}'],
    ['strings in an array that repeat', '{"a":["a","a","b"],"b":["a"]}'],
    ['text that looks like JSON', String.raw`{"a":"{\"a\":1,\"a\":2},[","b":"},]"}`],
    ['backslashes before a quote', String.raw`{"a":"\\","b":"\\\\\"","c":"\\"}`],
    ['keys that differ in case or by an accent', '{"a":1,"A":2,"á":3,"a\u0301":4}'],
    ['scalars', '"a"'],
    ['numbers and words', '[1,-0.5e3,true,false,null]'],
    ['white space around', ' \n{"a":1}\t '],
  ])('is not confused by %s', (_what, text) => {
    expect(parse(text)).toEqual(JSON.parse(text))
  })

  test('accepts nesting of 32 and refuses 33', () => {
    const nested = (depth: number): string[] => [
      '['.repeat(depth) + ']'.repeat(depth),
      `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`,
    ]
    expect(MAX_JSON_DEPTH).toBe(32)
    for (const text of nested(32)) expect(() => parse(text)).not.toThrow()
    for (const text of nested(33)) expect(() => parse(text)).toThrow(refused)
  })

  test('refuses nesting of a hundred thousand', () => {
    expect(() => parse('['.repeat(100_000) + ']'.repeat(100_000))).toThrow(refused)
  })

  test('counts depth, not brackets, and not those in strings', () => {
    expect(() => parse(`[${Array.from({ length: 100 }, () => '[[]]').join()}]`)).not.toThrow()
    expect(() => parse(JSON.stringify('['.repeat(100)))).not.toThrow()
  })

  test.each([
    ['a high surrogate alone', String.raw`"\ud800"`],
    ['a low surrogate alone', String.raw`"\uDC00"`],
    ['a pair the wrong way round', String.raw`"\udc00\ud800"`],
    ['half a pair before text', String.raw`{"a":["x\ud83dx"]}`],
    ['half a pair in a key', String.raw`{"\ud800":1}`],
    ['NUL', String.raw`{"a":"b\u0000"}`],
    ['NUL in a key', String.raw`{"a\u0000":1}`],
  ])('refuses %s', (_what, text) => {
    expect(() => parse(text)).toThrow(refused)
  })

  test('accepts other escapes and whole pairs', () => {
    const text = String.raw`{"\u00e9\n":"\ud83d\ude00 \uD83D\uDE00 \\ud800 \\u0000 \b\f\/"}`
    expect(parse(text)).toEqual({ 'é\n': '😀 😀 \\ud800 \\u0000 \b\f/' })
    expect(parse('{"emoji":"👩‍💻"}')).toEqual({ emoji: '👩‍💻' })
  })

  test.each([
    '{"__proto__":{"admin":true}}',
    String.raw`{"__pro\u0074o__":1}`,
    '[{"a":{"__proto__":null}}]',
    '{"constructor":{"prototype":{"admin":true}}}',
  ])('refuses keys that reach prototypes: %s', (text) => {
    expect(() => parse(text)).toThrow(refused)
  })

  test('accepts constructor and prototype where they reach nothing', () => {
    expect(parse('{"constructor":"Gehry","x":{"prototype":1}}')).toEqual({ constructor: 'Gehry', x: { prototype: 1 } })
  })

  test.each([
    ['a byte of Latin-1', [0x22, 0xe9, 0x22]],
    ['an overlong slash', [0x22, 0xc0, 0xaf, 0x22]],
    ['a surrogate in UTF-8', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['a cut sequence', [0x22, 0xe2, 0x82, 0x22]],
    ['UTF-16', [0xff, 0xfe, 0x22, 0x00, 0x22, 0x00]],
    ['a byte order mark', [0xef, 0xbb, 0xbf, 0x22, 0x22]],
  ])('refuses bytes that are not plain UTF-8: %s', (_what, bytes) => {
    expect(() => parseStrictJson(Buffer.from(bytes))).toThrow(refused)
  })

  test.each(['{', '{"a":1,}', "{'a':1}", '', ' ', 'NaN', '[1]]', '"\n"', '{"a":1}{"a":1}', '\0'])(
    'refuses what is not JSON: %j',
    (text) => {
      expect(() => parse(text)).toThrow(refused)
    },
  )

  test('tells nothing of the body in its errors', () => {
    const law = fc.property(fc.string({ minLength: 12 }), (secret) => {
      const text = `{"a":"${secret}`
      try {
        parse(text)
      } catch (error) {
        expect(error).toMatchObject({ code: 'malformed_json', cause: undefined })
        expect(JSON.stringify(error)).not.toContain(JSON.stringify(secret).slice(1, -1))
      }
    })
    fc.assert(law)
  })

  test.each(['9007199254740993', '-9007199254740993', '12345678901234567890', '1'.repeat(400), '1'.repeat(100_000)])(
    'refuses the whole number %.30s, which would come back as another one',
    (number) => {
      for (const text of [`{"a":${number}}`, `[1,"${number}",${number}]`]) expect(() => parse(text)).toThrow(refused)
      expect(parse(`{"a":"${number}"}`)).toEqual({ a: number })
    },
  )

  test.each([
    '9007199254740991',
    '-9007199254740992',
    '1152921504606846976',
    '123456789012345680000',
    '1e308',
    '12345678901234567.5',
    '0.1234567890123456789',
    '1234567890123456e3',
  ])('takes the number %s', (number) => {
    expect(parse(`{"a":[${number},true,null]}`)).toEqual({ a: [Number(number), true, null] })
  })

  test('gives back every JSON value that names no key twice', () => {
    const key = fc.string({ unit: 'grapheme' }).filter((name) => !/__proto__|constructor|\0/.test(name))
    const text = fc.string({ unit: 'grapheme' }).map((value) => value.replaceAll('\0', ''))
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.oneof(
          text,
          fc.integer(),
          fc.double({ noNaN: true, noDefaultInfinity: true }),
          fc.boolean(),
          fc.constant(null),
        ),
        fc.array(tie('value'), { maxLength: 5 }),
        fc.dictionary(key, tie('value'), { maxKeys: 5, noNullPrototype: true }),
      ),
    }))
    const law = fc.property(value, fc.constantFrom(0, 2), (any, indent) => {
      const written = JSON.stringify(any, null, indent)
      expect(parse(written)).toEqual(JSON.parse(written))
    })
    fc.assert(law, { numRuns: 300 })
  })

  test('refuses every object once one of its keys is written again', () => {
    const object = fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue({ maxDepth: 2 }), { minKeys: 1 })
    const law = fc.property(object, fc.nat(), (any, pick) => {
      const keys = Object.keys(any)
      const again = JSON.stringify(keys[pick % keys.length])
      expect(() => parse(`${JSON.stringify(any).slice(0, -1)},${again}:0}`)).toThrow(refused)
    })
    fc.assert(law)
  })
})
