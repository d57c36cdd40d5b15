import { isCount, isObject, type Leaf } from './export-line.ts'

/** Numbers of a tenant that have no line: `[from, to]`, both included. */
export interface SequenceGap {
  readonly tenantId: string
  readonly from: number
  readonly to: number
  /** The line after the gap. */
  readonly line: number
  readonly logIndex: number
}

/** Watches whether the lines of each tenant are numbered 1, 2, 3 and so on. */
export interface Sequences {
  /** Gives what is wrong with the number of a line that was signed, if anything is. */
  see(leaf: Leaf, line: number): 'repeated' | undefined
  /** A line that was not signed where it stands: its number is taken all the same. */
  seeUnsigned(leaf: Leaf): void
  /** Gaps that no signed line of retention explains. */
  unexplained(): SequenceGap[]
  /** Lines that retention dropped, as far as they are missing. */
  dropped(): number
}

type Ranges = Map<string, [number, number][]>

function add(tenantId: string, range: [number, number], lists: readonly Ranges[]): void {
  for (const list of lists) {
    const ranges = list.get(tenantId)
    if (ranges === undefined) list.set(tenantId, [range])
    else ranges.push(range)
  }
}

export function createSequences(): Sequences {
  const last = new Map<string, number>()
  const gaps: SequenceGap[] = []
  const ranges: Ranges = new Map()
  const known: Ranges = new Map()

  function explained({ tenantId, from, to }: SequenceGap, by = ranges): number {
    let next = from
    for (const [first, end] of (by.get(tenantId) ?? []).toSorted(([a], [b]) => a - b)) {
      if (first <= next && end >= next) next = end + 1
    }
    return Math.min(next, to + 1) - from
  }

  return {
    see(leaf, line) {
      const { tenantId, tenantSeq, logIndex } = leaf
      const before = last.get(tenantId) ?? 0
      for (const range of rangesOf(leaf)) add(tenantId, range, [ranges, known])
      if (tenantSeq <= before) return 'repeated'
      if (tenantSeq > before + 1) gaps.push({ tenantId, from: before + 1, to: tenantSeq - 1, line, logIndex })
      last.set(tenantId, tenantSeq)
      return undefined
    },
    seeUnsigned: ({ tenantId, tenantSeq }) => add(tenantId, [tenantSeq, tenantSeq], [known]),
    unexplained: () => gaps.filter((gap) => explained(gap, known) <= gap.to - gap.from),
    dropped: () => gaps.reduce((sum, gap) => sum + explained(gap), 0),
  }
}

/** Which numbers of its tenant a line of retention says were dropped. */
function rangesOf({ operation, details }: Leaf): [number, number][] {
  if (operation !== 'audit.retention_run' || !isObject(details)) return []
  const { tenant_seq: ranges } = details
  return Array.isArray(ranges) ? ranges.filter(isRange) : []
}

function isRange(value: unknown): value is [number, number] {
  return Array.isArray(value) && value.length === 2 && isCount(value[0]) && isCount(value[1])
}
