import { parseStrictJson } from '@memoric/service/strict-json.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parsePlainJson } from '../src/log/plain-json.ts'
import { makeEvent } from './make-event.ts'

function strictly(text: Buffer): { value: unknown } | 'refused' {
  try {
    return { value: parseStrictJson(text) }
  } catch {
    return 'refused'
  }
}

/** Texts of JSON, and of what nearly is. */
const texts = fc.oneof(
  fc.json(),
  fc.jsonValue().map((value) => JSON.stringify(value)),
  fc.jsonValue().map((value) => JSON.stringify(value, null, 1)),
  fc.string(),
  fc.tuple(fc.json(), fc.json()).map(([a, b]) => `{"a":${a},"a":${b}}`),
  fc.tuple(fc.json(), fc.json()).map(([a, b]) => `{"a":${a},"\\u0061":${b}}`),
  fc.integer({ min: 1, max: 60 }).map((depth) => '['.repeat(depth) + ']'.repeat(depth)),
  fc.bigInt().map((value) => `[${value}]`),
  fc.double().map((value) => `{"x":${value}}`),
)

describe('what the quick parser takes', () => {
  test('the strict parser takes as the same value', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const bytes = Buffer.from(text)
        const value = parsePlainJson(bytes)
        if (value !== undefined) expect(strictly(bytes)).toEqual({ value })
      }),
      { numRuns: 3_000 },
    )
  })

  test('is every event as the apps write them', () => {
    const { payload } = makeEvent()
    expect(parsePlainJson(Buffer.from(payload))).toEqual(JSON.parse(payload))
  })

  test.each([
    '{"a":1,"a":1}',
    '{"__proto__":1}',
    '{"constructor":{"prototype":1}}',
    '{"a":"\\u0000"}',
    '{"a":"\\ud800"}',
    '[12345678901234567890]',
    '[1e400]',
    '[-0]',
    '[1.0]',
    '{"2":1,"1":1}',
    ' {}',
    '[',
    '',
    `${'['.repeat(33)}${']'.repeat(33)}`,
    '{"a":"\xff"}',
  ])('is not %j', (text) => {
    expect(parsePlainJson(Buffer.from(text, 'latin1'))).toBeUndefined()
  })
})
