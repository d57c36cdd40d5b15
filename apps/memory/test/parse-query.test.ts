import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MOST_PARTS, MOST_WORDS, parseQuery } from '../src/search/parse-query.ts'

const codeOf = (query: string): unknown => {
  try {
    return parseQuery(query)
  } catch (error) {
    return (error as { code?: string }).code
  }
}

describe('a query', () => {
  test('without signs is its words', () => {
    expect(parseQuery('Where does the user drink coffee?')).toEqual({
      words: ['user', 'drink', 'coffe'],
      prefixes: [],
      phrases: [],
      excluded: [],
    })
  })

  test.each([
    ['a "green tea" pot', ['green', 'tea', 'pot'], [['green', 'tea']]],
    [
      '“green tea” „black tea“',
      ['green', 'tea', 'black'],
      [
        ['green', 'tea'],
        ['black', 'tea'],
      ],
    ],
    ['"the who"', ['the', 'who'], [['the', 'who']]],
    ['"tea"', ['tea'], [['tea']]],
    ['"" "?!" tea', ['tea'], []],
    ['tea "pot', ['tea', 'pot'], []],
    ['5" pipe', ['5', 'pipe'], []],
  ])('finds the phrases of %s', (query, words, phrases) => {
    expect(parseQuery(query)).toMatchObject({ words, phrases })
  })

  test.each([
    ['tea -milk', [{ terms: ['milk'] }]],
    ['-Milks tea', [{ terms: ['milk'] }]],
    ['tea -"hot milk"', [{ phrase: ['hot', 'milk'] }]],
    ['tea -mil*', [{ prefix: 'mil' }]],
    ['tea -ann.lee', [{ terms: ['ann', 'lee'] }]],
    ['tea -茶色', [{ terms: ['茶', '茶色', '色'] }]],
    ['well-known - tea -- --flag', []],
  ])('excludes what %s says', (query, excluded) => {
    expect(parseQuery(query).excluded).toEqual(excluded)
  })

  test.each([
    ['memor*', ['memor'], []],
    ['Résu* tea', ['resu'], ['tea']],
    ['the te*', ['te'], []],
    ['te* te*', ['te'], []],
    ['m*', [], ['m']],
    ['*', [], []],
    ['a*b', [], ['b']],
    ['東京*', [], ['東', '東京', '京']],
    ['กาแ*', ['กาแ'], []],
  ])('takes the beginnings of words from %s', (query, prefixes, words) => {
    expect(parseQuery(query)).toMatchObject({ prefixes, words })
  })

  test('counts with its first words, and is refused with too many parts', () => {
    const words = Array.from({ length: 1000 }, (_, at) => `w${at}`)
    expect(parseQuery(words.join(' ')).words).toEqual(words.slice(0, MOST_WORDS))
    expect(parseQuery(`${words.join(' ')} -x`).words).toHaveLength(MOST_WORDS)
    expect(
      codeOf(
        words
          .slice(0, MOST_PARTS)
          .map((word) => `-${word}`)
          .join(' '),
      ),
    ).toMatchObject({ words: [] })
    expect(
      codeOf(
        words
          .slice(0, MOST_PARTS + 1)
          .map((word) => `-${word}`)
          .join(' '),
      ),
    ).toBe('validation_failed')
    expect(codeOf(words.map((word) => `"${word}"`).join(' '))).toBe('validation_failed')
    expect(codeOf(words.map((word) => `${word}*`).join(' '))).toBe('validation_failed')
  })

  test('of whatever text is read, or refused as too much', () => {
    const piece = fc.oneof(
      fc.constantFrom('"', '-', '*', ' ', '“', '\n', '\0'),
      fc.string({ unit: 'binary', maxLength: 5 }),
    )
    const text = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(''))
    fc.assert(
      fc.property(text, (query) => {
        const found = codeOf(query)
        if (found !== 'validation_failed') expect(found).toHaveProperty('words')
      }),
      { numRuns: 500 },
    )
  })

  test.each([
    '"'.repeat(10_000),
    '-"'.repeat(5000),
    '-a '.repeat(3333),
    '*'.repeat(10_000),
    'ก'.repeat(10_000),
    '茶'.repeat(10_000),
    "'".repeat(10_000),
  ])('of ten thousand signs is read at once: %.6s', (query) => {
    const start = performance.now()
    codeOf(query)
    expect(performance.now() - start).toBeLessThan(500)
  })
})
