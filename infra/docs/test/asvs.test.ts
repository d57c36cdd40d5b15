import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { faultsOf, type Requirement } from './asvs-faults.ts'
import { readCitations, readRows } from './asvs-page.ts'
import requirements from './asvs.json' with { type: 'json' }
import { type TestTitles, testTitles } from './test-titles.ts'

const ROOT = new URL('../../../', import.meta.url)

/** A file of the repository; null for one that is not there. */
function read(path: string): string | null {
  try {
    return readFileSync(new URL(path, ROOT), 'utf8')
  } catch {
    return null
  }
}

const parsed = new Map<string, TestTitles>()

/** Each source is parsed once. */
function titlesOf(source: string): TestTitles {
  const titles = parsed.get(source) ?? testTitles(source)
  parsed.set(source, titles)
  return titles
}

const page = read('docs/asvs.md') ?? ''
const faults = (text: string, files = read) => faultsOf(text, { requirements, read: files, titlesOf })

describe('docs/asvs.md', () => {
  test('answers every requirement once, with evidence that is there', () => {
    expect(faults(page)).toEqual([])
  })

  test('is found out when a row goes missing, stands there twice or elsewhere', () => {
    const row = page.split('\n').find((line) => line.startsWith('| 6.1.1 |'))!
    expect(faults(page.replace(`${row}\n`, ''))).toContain('6.1.1: has 0 rows')
    expect(faults(page.replace(row, `${row}\n${row}`))).toContain('6.1.1: has 2 rows')
    expect(faults(page.replace(`${row}\n`, '') + row)).toContain('6.1.1: stands under ')
  })

  test('is found out when any test that it names has another name', () => {
    const cited = readRows(page).flatMap(({ evidence }) => readCitations(evidence))
    const tests = cited.filter(({ path }) => path.endsWith('.test.ts'))
    expect(tests.length).toBeGreaterThan(100)
    for (const path of new Set(tests.map((one) => one.path))) {
      const titles = tests.filter((one) => one.path === path).map((one) => one.titles.at(-1)!)
      const found = faults(page, (file) => (file === path ? renamed(read(path)!, titles) : read(file)))
      for (const title of titles) expect(found.join('\n')).toContain(`${title}: there is no such test`)
    }
  })

  test('is found out when a file that it names is gone', () => {
    for (const path of new Set(readCitations(page).map((one) => one.path))) {
      const found = faults(page, (file) => (file === path ? null : read(file)))
      expect(found.join('\n')).toContain(path)
    }
  })
})

/** A source in which these texts stand nowhere as such. */
function renamed(source: string, titles: readonly string[]): string {
  return titles.reduce((text, title) => text.replaceAll(title, `${title} (renamed)`), source)
}

describe('a page', () => {
  const asked: Requirement[] = [{ id: '6.1.1', level: 'L1', applies: 'yes' }]
  const files: Record<string, string> = {
    'apps/a.test.ts': `describe('a way in', () => {
      test('is told', () => {})
      test.each([['one', 1], ['two', 2]])('is closed to %s', () => {})
    })`,
    'packages/rows.ts': `export const ROWS = [['three', 3]]`,
    'docs/b.md': '# B\n\n## Ways in\n',
  }
  const sample = (cells: string, counts = '1 | 0 | 0 | 0') =>
    ['| chapter | met | met in part | not met | not applicable |', `| V6 Authentication | ${counts} |`]
      .concat(['## V6 Authentication', `| 6.1.1 | ${cells} |`])
      .join('\n')
  const found = (text: string) => faultsOf(text, { requirements: asked, read: (path) => files[path] ?? null, titlesOf })
  const row = (evidence: string, verdict = 'met', level = 'L1') => `${level} | ways are told | ${verdict} | ${evidence}`

  test.each([
    '`apps/a.test.ts` > "a way in" > "is told"',
    '`apps/a.test.ts` > "a way in"',
    '`apps/a.test.ts` > "a way in" > "is closed to %s"',
    '`apps/a.test.ts` > "a way in" > "is closed to %s" > "two"',
    '`docs/b.md` > "Ways in"; `docs/b.md`',
    '`packages/rows.ts` > "three"; `packages/rows.ts`',
  ])('may name %s', (evidence) => {
    expect(found(sample(row(evidence)))).toEqual([])
  })

  test.each([
    ['a test of another group', '`apps/a.test.ts` > "is told"', 'there is no such test'],
    ['a test that is not there', '`apps/a.test.ts` > "a way in" > "is tol"', 'there is no such test'],
    ['a value that no table has', '`apps/a.test.ts` > "a way in" > "is closed to %s" > "three"', 'no such test'],
    ['a test file without a test', '`apps/a.test.ts`', 'names no test'],
    ['a file that is not there', '`apps/c.test.ts` > "x"', 'there is no such file'],
    ['a heading that is not there', '`docs/b.md` > "Way in"', 'there is no such heading'],
    ['a text that is not there', '`packages/rows.ts` > "four"', 'there is no such text'],
    ['a test behind a path that is none', '`app/a.test.ts` > "is told"; `docs/b.md`', 'belongs to no file'],
    ['nothing', 'it is met, believe it or not', 'has no evidence'],
  ])('that names %s is found out', (_what, evidence, fault) => {
    expect(found(sample(row(evidence)))).toEqual([expect.stringContaining(fault)])
  })

  test.each([
    ['a verdict of its own', row('`docs/b.md`', 'mostly met'), '0 | 0 | 0 | 0', 'has the verdict "mostly met"'],
    ['another level', row('`docs/b.md`', 'met', 'L2'), '1 | 0 | 0 | 0', 'is L1'],
    ['nothing said of what is missing', row('`docs/b.md`', 'met in part'), '0 | 1 | 0 | 0', 'has no reason'],
    ['no reason', row('no', 'not applicable'), '0 | 0 | 0 | 1', 'has no reason'],
    ['a summary that counts wrongly', row('`docs/b.md`'), '0 | 1 | 0 | 0', '1 are "met", the summary says 0'],
    ['a condition of its own', 'L1 | told (if any) | met | `docs/b.md`', '1 | 0 | 0 | 0', 'applies: yes'],
    ['no words', 'L1 | x | met | `docs/b.md`', '1 | 0 | 0 | 0', 'does not say what is asked'],
  ])('with %s is found out', (_what, cells, counts, fault) => {
    expect(found(sample(cells, counts)).join('\n')).toContain(fault)
  })

  test('answers nothing that is not asked', () => {
    const more = sample(row('`docs/b.md`'), '2 | 0 | 0 | 0') + '\n| 6.9.9 | L1 | something else | met | `docs/b.md` |'
    expect(found(more)).toEqual(['6.9.9: is not asked for'])
  })
})
