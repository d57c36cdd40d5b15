import { type AsvsRow, type Citation, readCitations, readRows, readSummary, reasonIn } from './asvs-page.ts'
import { hasTitles, type TestTitles } from './test-titles.ts'

/** A requirement that the page must answer. */
export interface Requirement {
  readonly id: string
  readonly level: string
  /** `yes`, or `conditional`: if Memoric has what it is about. */
  readonly applies: string
}

/** What the page is compared with. */
export interface Truth {
  readonly requirements: readonly Requirement[]
  /** The text of a file of the repository; null for one that is not there. */
  readonly read: (path: string) => string | null
  readonly titlesOf: (source: string) => TestTitles
}

const VERDICTS = ['met', 'met in part', 'not met', 'not applicable']

/** Everything on the page that is not so, one line each. */
export function faultsOf(page: string, truth: Truth): string[] {
  const { requirements } = truth
  const rows = readRows(page)
  return [
    ...requirements.flatMap((requirement) => faultsOfRequirement(requirement, rows)),
    ...rows.filter(({ id }) => requirements.every((one) => one.id !== id)).map(({ id }) => `${id}: is not asked for`),
    ...rows.flatMap((row) => faultsOfRow(row)),
    ...rows.flatMap(({ id, evidence }) => readCitations(evidence).flatMap((one) => faultsOfCitation(truth, id, one))),
    ...readCitations(withoutRows(page)).flatMap((one) => faultsOfCitation(truth, 'beside the tables', one)),
    ...faultsOfSummary(page, rows),
  ]
}

function faultsOfRequirement({ id, level, applies }: Requirement, rows: readonly AsvsRow[]): string[] {
  const [row, ...more] = rows.filter((one) => one.id === id)
  if (row === undefined || more.length > 0) return [`${id}: has ${more.length + (row === undefined ? 0 : 1)} rows`]
  if (row.level !== level) return [`${id}: is ${level}`]
  return row.asks.includes('(if ') === (applies === 'conditional') ? [] : [`${id}: applies: ${applies}`]
}

function faultsOfRow({ id, chapter, asks, verdict, evidence }: AsvsRow): string[] {
  const faults: string[] = []
  const fault = (text: string) => faults.push(`${id}: ${text}`)
  if (chapter !== `V${id.replace(/\..*/, '')}`) fault(`stands under ${chapter}`)
  if (asks.length < 10) fault('does not say what is asked')
  if (!VERDICTS.includes(verdict)) fault(`has the verdict "${verdict}"`)
  if (verdict.startsWith('met') && readCitations(evidence).length === 0) fault('has no evidence')
  if (reasonIn(evidence).includes('> "')) fault('has a title that belongs to no file')
  if (verdict !== 'met' && reasonIn(evidence).length < 20) fault('has no reason')
  return faults
}

function faultsOfCitation({ read, titlesOf }: Truth, id: string, { path, titles }: Citation): string[] {
  const source = read(path)
  const fault = (text: string) => [`${id}: ${[path, ...titles].join(' > ')}: ${text}`]
  if (source === null) return fault('there is no such file')
  if (path.endsWith('.test.ts')) {
    if (titles.length === 0) return fault('names no test')
    return hasTitles(titlesOf(source), titles) ? [] : fault('there is no such test')
  }
  if (path.endsWith('.ts')) {
    const { literals } = titlesOf(source)
    return titles.every((title) => literals.has(title)) ? [] : fault('there is no such text')
  }
  return titles.every((title) => hasHeading(source, title)) ? [] : fault('there is no such heading')
}

function hasHeading(page: string, title: string): boolean {
  return page.split('\n').some((line) => /^#+ /.test(line) && line.replace(/^#+ /, '') === title)
}

function withoutRows(page: string): string {
  return page.replaceAll(/^\| *\d+\.\d+\.\d+ .*$/gm, '')
}

function faultsOfSummary(page: string, rows: readonly AsvsRow[]): string[] {
  const summary = readSummary(page)
  const chapters = [...new Set(rows.map(({ chapter }) => chapter))]
  return chapters.flatMap((chapter) =>
    VERDICTS.flatMap((verdict) => {
      const count = rows.filter((row) => row.chapter === chapter && row.verdict === verdict).length
      const said = summary.get(chapter)?.get(verdict)
      return said === count ? [] : [`${chapter}: ${count} are "${verdict}", the summary says ${said ?? 'nothing'}`]
    }),
  )
}
