import { type MemoryUse, totalMemory } from '../measure/memory-use.ts'
import { markdownTable } from './table.ts'

/** Most that the four idle apps may take together, MiB. */
const BUDGET = 400

export interface MemoryReadings {
  readonly idle: MemoryUse
  readonly afterLoad: MemoryUse
}

/** The resident memory of the apps before and after the load, as a Markdown table. */
export function memoryTable({ idle, afterLoad }: MemoryReadings): string {
  const rows = idle.map(({ app, resident }, at) => [app, mebibytes(resident), mebibytes(afterLoad[at]?.resident), ''])
  const total = totalMemory(idle)
  const verdict = total === undefined ? 'n/a' : total <= BUDGET ? 'ok' : 'OVER'
  const together = ['together', mebibytes(total), mebibytes(totalMemory(afterLoad)), `idle <= ${BUDGET} MiB ${verdict}`]
  return markdownTable(['resident memory', 'idle MiB', 'after the load MiB', 'budget'], [...rows, together])
}

function mebibytes(value: number | undefined): string {
  return value === undefined ? 'n/a' : value.toFixed(0)
}
