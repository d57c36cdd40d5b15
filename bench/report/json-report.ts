import type { BenchRun } from '../run-bench.ts'
import { judge, ratioOf } from './verdict.ts'

/** The figures for programs; CPU in ms, rates a second, memory in MiB. */
export function jsonReport({ results, memory, idleRate }: BenchRun): string {
  const rows = results.map(({ row, ours, baseline }) => ({
    name: row.name,
    title: row.title,
    ours,
    baseline: baseline === undefined ? null : { title: row.baseline?.title, ...baseline },
    ratio: ratioOf(ours, baseline) ?? null,
    budget: judge(row.budget, ours, baseline),
  }))
  return `${JSON.stringify({ rows, memory, idle_cpu_ms_per_s: idleRate }, null, 2)}\n`
}
