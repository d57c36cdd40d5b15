/** A row of the page: one requirement. */
export interface AsvsRow {
  readonly id: string
  readonly level: string
  readonly asks: string
  readonly verdict: string
  readonly evidence: string
  /** The chapter under whose heading the row stands: `V6`. */
  readonly chapter: string
}

/** A file that a row refers to, and titles or headings in it, from the outside in. */
export interface Citation {
  readonly path: string
  readonly titles: readonly string[]
}

/** Reads the rows of all tables whose first column is the id of a requirement. */
export function readRows(page: string): AsvsRow[] {
  let chapter = ''
  const rows: AsvsRow[] = []
  for (const line of page.split('\n')) {
    chapter = /^## (V\d+) /.exec(line)?.[1] ?? (line.startsWith('## ') ? '' : chapter)
    if (!/^\| *\d+\.\d+\.\d+ *\|/.test(line)) continue
    const [id = '', level = '', asks = '', verdict = '', ...evidence] = cellsOf(line)
    rows.push({ id, level, asks, verdict, evidence: evidence.join(' | '), chapter })
  }
  return rows
}

/** The figures of the summary: chapter -> verdict -> how many. */
export function readSummary(page: string): Map<string, Map<string, number>> {
  const lines = page.split('\n').map(cellsOf)
  const head = lines.find(([first]) => first === 'chapter') ?? []
  const chapters = lines.filter(([first = '']) => /^V\d+ /.test(first))
  const figures = chapters.map(([name = '', ...cells]) => {
    const counts = cells.map((cell, index) => [head[index + 1] ?? '', Number(cell)] as const)
    return [name.replace(/ .*/, ''), new Map(counts)] as const
  })
  return new Map(figures)
}

function cellsOf(line: string): string[] {
  if (!line.startsWith('|')) return []
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())
}

/** Paths of the repository in code spans, each with the quoted titles behind it. */
const CITATION = /`((?:(?:apps|packages|infra|bench|docs)\/[^`\s]+)|[A-Z]+\.md)`((?: > "[^"]+")*)/g

/** Reads what a cell refers to. */
export function readCitations(cell: string): Citation[] {
  return [...cell.matchAll(CITATION)].map(([, path = '', titles = '']) => ({
    path,
    titles: [...titles.matchAll(/ > "([^"]+)"/g)].map(([, title = '']) => title),
  }))
}

/** What a cell says beside its citations. */
export function reasonIn(cell: string): string {
  return cell
    .replaceAll(CITATION, '')
    .replaceAll(/[\s.,;:]+/g, ' ')
    .trim()
}
