import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { extractiveSummariser } from '../src/text-work/extractive-summariser.ts'
import { textOf } from '../src/text-work/summarise.ts'

const JOURNEY = [
  'The journey to Lisbon begins on Friday.',
  'Somebody left an umbrella.',
  'The journey to Lisbon needs a hotel near the river.',
  'We met a dog.',
].map((text, at) => ({ id: `m${at}`, text }))

describe('an extractive summary', () => {
  test('has the sentences that stand for all, in their order, with where they are from', async () => {
    const summary = await extractiveSummariser.summarise(JOURNEY, { maxCharacters: 95 })
    expect(summary).toEqual({
      method: 'extractive',
      sentences: [
        { text: 'The journey to Lisbon begins on Friday.', sourceId: 'm0' },
        { text: 'The journey to Lisbon needs a hotel near the river.', sourceId: 'm2' },
      ],
    })
  })

  test('says nothing twice', async () => {
    const twice = [...JOURNEY, { id: 'again', text: 'The journey to Lisbon begins on Friday!' }]
    const { sentences } = await extractiveSummariser.summarise(twice, { maxCharacters: 1000 })
    expect(sentences.filter(({ text }) => text.includes('Friday'))).toHaveLength(1)
  })

  test('of one endless sentence is its beginning', async () => {
    const text = 'and then we went on to the next town '.repeat(200)
    const summary = await extractiveSummariser.summarise([{ id: 'a', text }], { maxCharacters: 120 })
    expect(textOf(summary)).toMatch(/^and then .*…$/)
    expect(textOf(summary).length).toBeLessThanOrEqual(120)
  })

  test('tells Chinese sentences apart', async () => {
    const text = '我们去里斯本旅行。今天天气很好。里斯本的酒店在河边。'
    const { sentences } = await extractiveSummariser.summarise([{ id: 'a', text }], { maxCharacters: 100 })
    expect(sentences.map((sentence) => sentence.text)).toContain('我们去里斯本旅行。')
    expect(sentences.length).toBeGreaterThan(1)
  })

  test('never is longer than asked for, invents nothing, and is the same again', async () => {
    const texts = fc.array(fc.string({ unit: 'grapheme', maxLength: 300 }), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(texts, fc.integer({ min: 20, max: 500 }), async (contents, maxCharacters) => {
        const sources = contents.map((text, at) => ({ id: String(at), text }))
        const summary = await extractiveSummariser.summarise(sources, { maxCharacters })
        expect(textOf(summary).length).toBeLessThanOrEqual(maxCharacters)
        for (const { text, sourceId } of summary.sentences) {
          const source = contents[Number(sourceId)]?.replace(/\s+/gu, ' ') ?? ''
          expect(source).toContain(text.replace(/…$/u, ''))
        }
        expect(await extractiveSummariser.summarise(sources, { maxCharacters })).toEqual(summary)
      }),
      { numRuns: 100 },
    )
  })
})
