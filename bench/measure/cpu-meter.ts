import { setTimeout as sleep } from 'node:timers/promises'
import { readProcesses, sumTrees } from './process-tree.ts'

export interface CpuMeterOptions {
  /** The processes whose trees are counted, now. */
  readonly roots: () => Promise<readonly number[]>
  /** Processes in these trees that work for the benchmark itself. */
  readonly except: ReadonlySet<number>
}

/** Tells what a group of processes has cost. */
export interface CpuMeter {
  /** CPU time so far, ms; undefined on systems that do not tell. */
  read: () => Promise<number | undefined>
  /** What the group costs while nobody asks for anything, CPU-ms a second; 0 until `learnIdle`. */
  idleRate: () => number
  /** Watches the idle group for so long, ms. */
  learnIdle: (duration: number) => Promise<void>
}

export function createCpuMeter({ roots, except }: CpuMeterOptions): CpuMeter {
  let idle = 0
  const read = async () => {
    const stats = readProcesses()
    return stats === undefined ? undefined : sumTrees(stats, await roots(), except)
  }
  return {
    read,
    idleRate: () => idle,
    async learnIdle(duration) {
      const [begin, before] = [performance.now(), await read()]
      await sleep(duration)
      const [seconds, after] = [(performance.now() - begin) / 1000, await read()]
      if (before !== undefined && after !== undefined) idle = (after - before) / seconds
    },
  }
}
