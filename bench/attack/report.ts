import type { AttackResult } from './run-attacks.ts'

const HEADINGS = ['class', 'attack', 'answer', 'verdict'] as const
const WIDEST = [28, 64, 56]

/** One line for each attack, and a last one that counts. */
export function attackTable(results: readonly AttackResult[]): string {
  const rows = results.map(({ kind, name, answer, held }) => [kind, name, answer, held ? 'held' : 'GOT THROUGH'])
  const cells = [[...HEADINGS], ...rows].map((row) => row.map((cell, at) => cut(printable(cell), WIDEST[at])))
  const widths = HEADINGS.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)))
  const lines = cells.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  return [...lines, '', lastLine(results)].join('\n')
}

function lastLine(results: readonly AttackResult[]): string {
  const through = results.filter(({ held }) => !held).length
  const kinds = new Set(results.map(({ kind }) => kind)).size
  return `${results.length} attacks of ${kinds} classes: ${through === 0 ? 'all held off' : `${through} got through`}.`
}

/** Names of attacks quote what they send. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, (character) => `\\x${character.charCodeAt(0).toString(16)}`)
}

function cut(text: string, width = Infinity): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text
}
