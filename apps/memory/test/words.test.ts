import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { queryWords, STOP_WORDS, words } from '../src/search/words.ts'

/** Whether every term of `query` is a term of `text`. */
function finds(query: string, text: string): boolean {
  const terms = new Set(words(text))
  const asked = words(query)
  return asked.length > 0 && asked.every((term) => terms.has(term))
}

describe('words of a text', () => {
  test('come in order, in lower case, stemmed', () => {
    expect(words('Alice PREFERS window seats, always seats.')).toEqual([
      'alic',
      'prefer',
      'window',
      'seat',
      'alway',
      'seat',
    ])
  })

  test('keep numbers and names with digits as they are', () => {
    expect(words('Room 42, gate b52s, 3.14')).toEqual(['room', '42', 'gate', 'b52s', '3', '14'])
  })

  test.each([
    ["the user's", ['the', 'user']],
    ['the user’s', ['the', 'user']],
    ["students' rooms", ['student', 'room']],
    ["they'll we're you've I'd I'm", ['they', 'we', 'you', 'i', 'i']],
    ["don't", ['dont']],
    ["O'Brien's", ['obrien']],
    ["l'eau", ['l', 'eau']],
    ["'quoted'", ['quot']],
    ["''' '", []],
  ])('lose the apostrophes of %s', (text, expected) => {
    expect(words(text)).toEqual(expected)
  })

  test.each([
    ['resume', 'Résumé'],
    ['Müller', 'MULLER'],
    ['strasse', 'Straße'],
    ['Smorrebrod', 'smørrebrød'],
    ['Lodz', 'Łódź'],
    ['istanbul', 'İstanbul'],
    ['елка', 'Ёлка'],
    ['αθηνα', 'Ἀθῆνα'],
    ['ΟΔΟΣ', 'οδος'],
    ['محمد', 'مُحَمَّد'],
    ['שלום', 'שָׁלוֹם'],
    ['nguyen', 'Nguye\u0302\u0303n'],
  ])('are found without their accents: %s in %s', (query, text) => {
    expect(finds(query, text)).toBe(true)
    expect(finds(text, query)).toBe(true)
  })

  test('fold compatibility forms', () => {
    expect(words('ﬁne ＡＢＣ Ⅳ x²')).toEqual(['fine', 'abc', 'iv', 'x2'])
  })

  test('do not swallow trade marks, soft hyphens and joiners of emoji', () => {
    expect(words('Memoric™ co\u00adoperate dev\u200d💻 👩\u200d💻')).toEqual(['memor', 'cooper', 'dev'])
  })

  test('keep the marks that spell words of Devanagari and Thai', () => {
    expect(words('हिन्दी में')).toEqual(['हिन्दी', 'में'])
    expect(words('กาแฟเย็น')).toEqual(['กาแฟ', 'เย็น'])
  })

  test('are every two characters of Chinese and Japanese, and every Han character alone', () => {
    expect(words('绿茶')).toEqual(['绿', '绿茶', '茶'])
    expect(words('茶')).toEqual(['茶'])
    expect(words('猫のコーヒー')).toEqual(['猫', '猫の', 'のコ', 'コー', 'ーヒ', 'ヒー'])
    expect(words('の')).toEqual(['の'])
  })

  test('are every two syllables of Korean, and nouns of one syllable without their particle', () => {
    expect(words('한국어 서비스')).toEqual(['한국', '국어', '서비', '비스'])
    expect(words('차를 차')).toEqual(['차', '차를', '차'])
    expect(words('바다 AI가 3월에')).toEqual(['바다', 'ai', '가', '3', '월', '월에'])
  })

  test('do not depend on what stands around them in Chinese, Japanese and Korean', () => {
    const text = fc.string({ unit: fc.constantFrom(...Array.from('東京都に住むコーヒー茶한국어를 ')), maxLength: 12 })
    fc.assert(
      fc.property(text, text, text, (before, part, after) => {
        const terms = new Set(words(`${before}${part}${after}`))
        // At the ends of a run a character may stand alone.
        const inner = words(part).filter((term) => term.length === 2)
        expect(inner.filter((term) => !terms.has(term))).toEqual([])
      }),
    )
  })

  test.each([
    ['绿茶', '我喜欢喝绿茶。'],
    ['コーヒー', '東京で美味しいコーヒーを飲みました'],
    ['東京', '東京で美味しいコーヒーを飲みました'],
    ['กาแฟ', 'ผู้ใช้ชอบกาแฟเย็น'],
    ['ភាសាខ្មែរ', 'ខ្ញុំនិយាយភាសាខ្មែរ'],
    ['京都', '東京都に住む'],
    ['커피', '커피를 좋아해요'],
    ['ガラス', 'ｶﾞﾗｽの器'],
    ['english', '中文English混合'],
    ['混合', '中文English混合'],
  ])('are found in scripts without spaces: %s in %s', (query, text) => {
    expect(finds(query, text)).toBe(true)
  })

  test.each([
    ['conn', 'ERR_CONN_42'],
    ['42', 'ERR_CONN_42'],
    ['ERR_CONN_42', 'it failed with ERR_CONN_42!'],
    ['err conn', 'fehlgeschlagen: ERR_CONN_42 – Müller'],
    ['v1.2', 'release v1.2.3'],
    ['ann', 'ann.lee+memo@example.com'],
    ['example.com', 'ann.lee+memo@example.com'],
    ['ann.lee+memo@example.com', 'write to <ann.lee+memo@example.com>'],
    ['example.com/a-path', 'https://example.com/a-path?id=42#top'],
    ['id 42', 'https://example.com/a-path?id=42#top'],
  ])('find identifiers and addresses by their parts: %s in %s', (query, text) => {
    expect(finds(query, text)).toBe(true)
  })

  test('are the same whether or not the text has other scripts too', () => {
    const text = "The user's ERR_CONN_42, don't O'Brien; l'eau v1.2"
    expect(words(`${text} é`)).toEqual([...words(text), 'e'])
  })

  test('are cut at 64 characters, never inside a character', () => {
    expect(words('x9'.repeat(50))).toEqual(['x9'.repeat(32)])
    expect(words('x'.repeat(200))[0]).toHaveLength(64)
    const [term = ''] = words(`x${'\u{10400}'.repeat(50)}`)
    expect(term).toHaveLength(63)
    expect(term.isWellFormed()).toBe(true)
  })

  test('stem alike for the first time and for the hundredth', () => {
    const text = 'running internationalization'
    const first = words(text)
    for (let time = 0; time < 100; time++) expect(words(text)).toEqual(first)
    expect(first).toEqual(['run', 'internation'])
  })

  test('never throw, are never empty, too long or in upper case', () => {
    const law = fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      for (const term of words(text)) {
        expect(term).not.toBe('')
        expect(term.length).toBeLessThanOrEqual(64)
        expect(term).not.toMatch(/[A-Z\s]/)
      }
    })
    fc.assert(law, { numRuns: 500 })
  })

  test('never throw for half of a surrogate pair', () => {
    expect(words('a \ud800 b\udc00c')).toEqual(['a', 'b', 'c'])
  })

  test('of two ASCII texts are the words of one and of the other', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary-ascii' }),
      fc.constantFrom("user's", "don't", "o'", "'s", "n't", 'a_b'),
    )
    const ascii = fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join(''))
    const law = fc.property(ascii, ascii, (a, b) => {
      expect(words(`${a} ${b}`)).toEqual([...words(a), ...words(b)])
    })
    fc.assert(law, { numRuns: 500 })
  })
})

describe('words of a query', () => {
  test('are unique and without stop words', () => {
    expect(queryWords('What does the user like about coffee and the coffees?')).toEqual(['user', 'like', 'coffe'])
  })

  test('keep stop words when there is nothing else', () => {
    expect(queryWords('Who am I?')).toEqual(['who', 'am', 'i'])
  })

  test('of nothing are none', () => {
    expect(queryWords(' ?! ')).toEqual([])
  })

  test('know stop words by their stems', () => {
    const probes = ["don't", 'because', 'having', 'very', 'yours'].flatMap(words)
    expect(probes.filter((word) => !STOP_WORDS.has(word))).toEqual([])
  })
})
