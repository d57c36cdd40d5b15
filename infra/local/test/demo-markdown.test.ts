import { describe, expect, test } from 'vitest'
import { splitMarkdown } from '../src/demo-markdown.ts'

const texts = (markdown: string) => splitMarkdown(markdown).map(({ text }) => text)

describe('headings', () => {
  test('a passage knows its line and the heading above it, in both notations', () => {
    const markdown = 'before\n\n# One #\nfirst\nstill first\n\nTwo\n===\n\nsecond\n\n### Three\n\nthird\n'
    expect(splitMarkdown(markdown)).toEqual([
      { line: 1, heading: null, text: 'before' },
      { line: 4, heading: 'One', text: 'first\nstill first' },
      { line: 10, heading: 'Two', text: 'second' },
      { line: 14, heading: 'Three', text: 'third' },
    ])
  })

  test('a number sign without a space begins no heading', () => {
    expect(splitMarkdown('#12 is a ticket')).toEqual([{ line: 1, heading: null, text: '#12 is a ticket' }])
  })
})

describe('code', () => {
  test('a fence stays whole with its empty lines and whatever looks like Markdown in it', () => {
    const code = '```sh\n# no heading\n\n- no item\n```'
    expect(texts(`text\n${code}\nmore`)).toEqual(['text', code, 'more'])
  })

  test('only a fence of the same sign and at least the same length closes it', () => {
    const code = '~~~~\n```\n~~~\n~~~~~'
    expect(texts(`${code}\n\nafter`)).toEqual([code, 'after'])
  })

  test('a fence that is never closed goes to the end', () => {
    expect(texts('```\none\n\ntwo\n')).toEqual(['```\none\n\ntwo'])
  })
})

describe('lists', () => {
  test('each item is a passage with all that is nested in it', () => {
    const markdown = '- one\n  goes on\n  - nested\n\n  second paragraph\n- two\n1. three\n2) four\n\nafter'
    expect(texts(markdown)).toEqual([
      '- one\n  goes on\n  - nested\n\n  second paragraph',
      '- two',
      '1. three',
      '2) four',
      'after',
    ])
  })

  test('code in an item stays in it, even if it is not closed', () => {
    expect(texts('- one\n  ```\n- no item\n  ```\n- two')).toEqual(['- one\n  ```\n- no item\n  ```', '- two'])
    expect(texts('- one\n  ```\n  code')).toEqual(['- one\n  ```\n  code'])
  })

  test('an item ends at a heading', () => {
    expect(splitMarkdown('* one\n# Next\ntext').at(-1)).toEqual({ line: 3, heading: 'Next', text: 'text' })
  })
})

describe('tables', () => {
  test('each row is a passage with the names of its columns', () => {
    const markdown = '## T\n| what | why |\n|:---|---:|\n| a | b \\| c |\n| d | |\n\nafter'
    expect(splitMarkdown(markdown)).toEqual([
      { line: 4, heading: 'T', text: 'what: a; why: b | c' },
      { line: 5, heading: 'T', text: 'what: d' },
      { line: 7, heading: 'T', text: 'after' },
    ])
  })

  test('a text with a bar in it is no table', () => {
    expect(texts('a | b\nc | d')).toEqual(['a | b\nc | d'])
  })
})

test('front matter, comments and rules are left out', () => {
  expect(texts('---\ntitle: x\n---\n<!-- a\n\nb -->\none\n\n***\n\ntwo')).toEqual(['one', 'two'])
})

test('a rule at the beginning that nothing closes is no front matter', () => {
  expect(texts('---\n\none')).toEqual(['one'])
})

test('line ends of Windows and a byte order mark do not matter', () => {
  expect(splitMarkdown('\uFEFF# One\r\n\r\ntext\r\n')).toEqual([{ line: 3, heading: 'One', text: 'text' }])
})

test('an empty file has no passages', () => {
  expect(splitMarkdown('')).toEqual([])
  expect(splitMarkdown('\n \n')).toEqual([])
})
