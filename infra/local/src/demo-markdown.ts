/** A part of a Markdown file that can stand alone: a paragraph, a list item, a row of a table, a code block. */
export interface Passage {
  /** Its first line, from 1. */
  line: number
  /** The heading above it. */
  heading: string | null
  text: string
}

interface Block {
  kind: 'heading' | 'ignored' | 'table' | 'passage'
  /** The line after its last one, from 0. */
  end: number
}

const heading = /^ {0,3}#{1,6}(?:\s+(.*?))?(?:\s+#+)?\s*$/
const fence = /^\s*(`{3,}|~{3,})/
const item = /^ {0,1}(?:[-*+]|\d{1,9}[.)])\s+\S/
const rule = /^ {0,3}(?:(?:-\s*){3,}|(?:\*\s*){3,}|(?:_\s*){3,})$/
const underline = /^ {0,3}(?:=+|-+)\s*$/
const delimiterRow = /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/
const blank = /^\s*$/

/** Splits Markdown into passages, in their order. Front matter, comments and rules are left out. */
export function splitMarkdown(markdown: string): Passage[] {
  const lines = markdown.replace(/^\uFEFF/, '').split(/\r?\n/)
  const passages: Passage[] = []
  let current: string | null = null
  for (let at = frontMatterEnd(lines); at < lines.length;) {
    const { kind, end } = blockAt(lines, at)
    const own = lines.slice(at, end)
    if (kind === 'heading') current = headingText(own)
    if (kind === 'table') passages.push(...tableRows(own, at + 1, current))
    if (kind === 'passage') passages.push({ line: at + 1, heading: current, text: own.join('\n').trim() })
    at = end
  }
  return passages.filter(({ text }) => text !== '')
}

function blockAt(lines: readonly string[], at: number): Block {
  const line = lines[at] ?? ''
  if (blank.test(line)) return { kind: 'ignored', end: at + 1 }
  if (line.trimStart().startsWith('<!--')) return { kind: 'ignored', end: commentEnd(lines, at) }
  if (heading.test(line)) return { kind: 'heading', end: at + 1 }
  if (rule.test(line)) return { kind: 'ignored', end: at + 1 }
  if (fence.test(line)) return { kind: 'passage', end: fenceEnd(lines, at) }
  if (isTable(lines, at)) return { kind: 'table', end: tableEnd(lines, at) }
  if (item.test(line)) return { kind: 'passage', end: itemEnd(lines, at) }
  return paragraphAt(lines, at)
}

/** Metadata between two lines of dashes at the very beginning. */
function frontMatterEnd(lines: readonly string[]): number {
  if (lines[0]?.trimEnd() !== '---') return 0
  const end = lines.findIndex((line, at) => at > 0 && /^(?:---|\.\.\.)\s*$/.test(line))
  return end === -1 ? 0 : end + 1
}

function commentEnd(lines: readonly string[], at: number): number {
  const end = lines.findIndex((line, number) => number >= at && line.includes('-->'))
  return end === -1 ? lines.length : end + 1
}

/** A block ends at a fence of the same sign that is at least as long and says nothing else. */
function fenceEnd(lines: readonly string[], at: number): number {
  const [, opening = ''] = fence.exec(lines[at] ?? '') ?? []
  const closes = (line: string) => {
    const text = line.trim()
    return text.startsWith(opening) && text === opening.charAt(0).repeat(text.length)
  }
  const end = lines.findIndex((line, number) => number > at && closes(line))
  return end === -1 ? lines.length : end + 1
}

/** An item with everything under it: further lines, nested items, paragraphs and code that are indented. */
function itemEnd(lines: readonly string[], start: number): number {
  let at = start + 1
  while (at < lines.length) {
    const line = lines[at] ?? ''
    const isIndented = /^(?: {2}|\t)/.test(line)
    if (blank.test(line)) {
      const next = nextText(lines, at)
      if (!/^(?: {2}|\t)/.test(lines[next] ?? '')) return at
      at = next
    } else if (isIndented && fence.test(line)) at = fenceEnd(lines, at)
    else if (!isIndented && interrupts(lines, at)) return at
    else at += 1
  }
  return at
}

function nextText(lines: readonly string[], at: number): number {
  const next = lines.findIndex((line, number) => number > at && !blank.test(line))
  return next === -1 ? lines.length : next
}

/** Text up to an empty line or the next block; underlined, it is a heading. */
function paragraphAt(lines: readonly string[], start: number): Block {
  let at = start + 1
  while (at < lines.length && !blank.test(lines[at] ?? '')) {
    if (underline.test(lines[at] ?? '')) return { kind: 'heading', end: at + 1 }
    if (interrupts(lines, at)) break
    at += 1
  }
  return { kind: 'passage', end: at }
}

function interrupts(lines: readonly string[], at: number): boolean {
  const line = lines[at] ?? ''
  return [heading, fence, item, rule].some((start) => start.test(line)) || isTable(lines, at)
}

/** Without the signs of both kinds of headings. */
function headingText(lines: readonly string[]): string | null {
  const [first = ''] = lines
  const text = lines.length > 1 ? lines.slice(0, -1).join(' ') : (heading.exec(first)?.[1] ?? '')
  return text.trim() === '' ? null : text.trim()
}

function isTable(lines: readonly string[], at: number): boolean {
  const under = lines[at + 1] ?? ''
  return (lines[at] ?? '').includes('|') && under.includes('|') && delimiterRow.test(under)
}

function tableEnd(lines: readonly string[], at: number): number {
  const end = lines.findIndex((line, number) => number > at && !line.includes('|'))
  return end === -1 ? lines.length : end
}

/** Each row with the names of its columns. */
function tableRows(lines: readonly string[], first: number, current: string | null): Passage[] {
  const names = cells(lines[0] ?? '')
  return lines.slice(2).map((line, at) => {
    const named = cells(line).flatMap((cell, column) => {
      const name = names[column] ?? ''
      return cell === '' ? [] : name === '' ? cell : `${name}: ${cell}`
    })
    return { line: first + 2 + at, heading: current, text: named.join('; ') }
  })
}

function cells(line: string): string[] {
  const inner = line.trim().replace(/^\|/, '').replace(/\|$/, '')
  return inner.split(/(?<!\\)\|/).map((cell) => cell.replaceAll('\\|', '|').trim())
}
