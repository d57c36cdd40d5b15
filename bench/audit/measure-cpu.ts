import { readProcesses, sumTrees } from '../measure/process-tree.ts'

/** What work took. */
export interface Cost {
  readonly wallMs: number
  /** Of this process. */
  readonly ownMs: number
  /** Of PostgreSQL; undefined on systems that do not tell. */
  readonly databaseMs: number | undefined
}

/** Measures work of this process and of the trees under `roots`. */
export async function measureCpu(roots: readonly number[], work: () => Promise<unknown>): Promise<Cost> {
  const read = () => {
    const stats = readProcesses()
    return stats === undefined ? undefined : sumTrees(stats, roots, new Set())
  }
  const [wall, own, before] = [performance.now(), process.cpuUsage(), read()]
  await work()
  const used = process.cpuUsage(own)
  const after = read()
  return {
    wallMs: performance.now() - wall,
    ownMs: (used.user + used.system) / 1000,
    databaseMs: before === undefined || after === undefined ? undefined : after - before,
  }
}
