import { readdirSync, readFileSync } from 'node:fs'

/** What Linux tells of a process in /proc/<pid>/stat. */
export interface ProcessStat {
  readonly pid: number
  readonly parent: number
  /** CPU time of the process and of its children that have ended and were waited for, ms. */
  readonly cpu: number
}

/** Ticks of /proc are hundredths of a second on every platform that Node runs on. */
const MS_PER_TICK = 10

/** Reads the text of /proc/<pid>/stat; undefined when it is not one. */
export function parseStat(text: string): ProcessStat | undefined {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [pid, parent] = [Number.parseInt(text, 10), Number(fields[1])]
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
  return fields.length > 20 && Number.isInteger(pid + parent + ticks)
    ? { pid, parent, cpu: ticks * MS_PER_TICK }
    : undefined
}

/** CPU time (ms) of processes with all that descends from them, but for the processes `except`. */
export function sumTrees(stats: readonly ProcessStat[], roots: readonly number[], except: ReadonlySet<number>): number {
  const children = Map.groupBy(stats, ({ parent }) => parent)
  const own = new Map(stats.map(({ pid, cpu }) => [pid, cpu]))
  const sum = (pid: number): number => {
    const below = (children.get(pid) ?? []).reduce((total, child) => total + sum(child.pid), 0)
    return below + (except.has(pid) ? 0 : (own.get(pid) ?? 0))
  }
  return roots.reduce((total, root) => total + sum(root), 0)
}

/** Every process of this machine now; undefined where there is no /proc. */
export function readProcesses(): ProcessStat[] | undefined {
  const names = listProc().filter((name) => /^\d+$/.test(name))
  return names.length === 0 ? undefined : names.flatMap((pid) => parseStat(readProc(`${pid}/stat`)) ?? [])
}

/** Resident memory of a process, MiB; undefined where there is no /proc. */
export function residentMemory(pid: number): number | undefined {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readProc(`${pid}/status`))?.[1]
  return kibibytes === undefined ? undefined : Number(kibibytes) / 1024
}

function listProc(): string[] {
  try {
    return readdirSync('/proc')
  } catch {
    return []
  }
}

function readProc(name: string): string {
  try {
    return readFileSync(`/proc/${name}`, 'utf8')
  } catch {
    return ''
  }
}
