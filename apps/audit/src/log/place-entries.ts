import type { LogEntry } from './append-batch.ts'

/** A line of the log with its place in it. */
export interface PlacedEntry extends LogEntry {
  /** Dense over the whole log, from 0. */
  readonly logIndex: number
  /** Dense within the tenant, from 1. */
  readonly tenantSeq: number
}

export interface Placement {
  readonly entries: readonly PlacedEntry[]
  /** Lines of the log afterwards. */
  readonly size: number
  /** Last tenant_seq afterwards of each tenant that got a line. */
  readonly lastSeqs: ReadonlyMap<string, number>
}

/** Gives each entry the next place of the log, of `size` lines so far, and of its tenant. */
export function placeEntries(
  entries: readonly LogEntry[],
  size: number,
  lastSeqs: ReadonlyMap<string, number>,
): Placement {
  const sequences = new Map<string, number>()
  const placed = entries.map((entry, offset) => {
    const tenantSeq = (sequences.get(entry.tenantId) ?? lastSeqs.get(entry.tenantId) ?? 0) + 1
    sequences.set(entry.tenantId, tenantSeq)
    return { ...entry, logIndex: size + offset, tenantSeq }
  })
  return { entries: placed, size: size + entries.length, lastSeqs: sequences }
}
