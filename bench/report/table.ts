import type { Measurement } from '../measure/measurement.ts'
import type { RowResult } from '../rows/run-row.ts'
import { delayOf, judge, overheadOf, ratioOf } from './verdict.ts'

const heads = [
  'operation',
  'per s',
  'p50 ms',
  'p99 ms',
  'CPU-ms',
  'errors',
  'baseline',
  'per s',
  'CPU-ms',
  'ratio',
  'budget',
]

/** The results as a Markdown table that can be read as it is. */
export function resultTable(results: readonly RowResult[]): string {
  return markdownTable(heads, results.map(cells))
}

function cells({ row, ours, baseline }: RowResult): string[] {
  const ratio = ratioOf(ours, baseline)
  return [
    row.title,
    `${count(ours.rate)}${row.unit === undefined ? '' : ` ${row.unit}`}`,
    ours.p50.toFixed(1),
    ours.p99.toFixed(1),
    cost(ours),
    String(ours.errors + (baseline?.errors ?? 0)),
    row.baseline?.title ?? '',
    baseline === undefined ? '' : count(baseline.rate),
    baseline === undefined ? '' : cost(baseline),
    ratio === undefined ? '' : `${ratio.toFixed(2)} x`,
    budgetCell({ row, ours, baseline }),
  ]
}

function budgetCell({ row, ours, baseline }: RowResult): string {
  const verdicts = judge(row.budget, ours, baseline)
  const word = (kept: boolean | undefined) => (kept === undefined ? 'n/a' : kept ? 'ok' : 'OVER')
  const beyond = row.budget.delay === undefined ? overheadOf(ours, baseline) : delayOf(ours, baseline)
  const isBeyond = row.budget.overhead !== undefined || row.budget.delay !== undefined
  const suffix = !isBeyond || beyond === undefined ? '' : ` (${beyond.toFixed(2)})`
  return verdicts.map(({ text, kept }) => `${text}${suffix} ${word(kept)}`).join(', ')
}

function cost({ cpu }: Measurement): string {
  return cpu === undefined ? 'n/a' : cpu < 0.1 ? cpu.toFixed(3) : cpu.toFixed(2)
}

function count(rate: number): string {
  return rate < 100 ? rate.toFixed(1) : rate.toFixed(0)
}

/** A Markdown table whose columns are also aligned for the eye: texts to the left, numbers to the right. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const width = head.map((name, column) => Math.max(name.length, 3, ...rows.map((row) => row[column]?.length ?? 0)))
  const isNumber = head.map((_, column) => rows.every((row) => /^(|n\/a|[\d.]+.*)$/.test(row[column] ?? '')))
  const line = (row: readonly string[]) =>
    `| ${width.map((w, column) => (isNumber[column] ? (row[column] ?? '').padStart(w) : (row[column] ?? '').padEnd(w))).join(' | ')} |`
  const rule = width.map((w, column) => (isNumber[column] ? `${'-'.repeat(w - 1)}:` : '-'.repeat(w)))
  return [line(head), `| ${rule.join(' | ')} |`, ...rows.map(line)].join('\n')
}
