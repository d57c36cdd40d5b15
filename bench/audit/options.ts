import { parseArgs } from 'node:util'

export interface AuditBenchOptions {
  /** Events that are taken in. */
  readonly events: number
  /** Leaves of the tree in which proofs are asked for. */
  readonly tree: number
  /** Lines among which pages are read. */
  readonly lines: number
  /** Seconds of steady writes. */
  readonly seconds: number
}

const FULL = { events: 30_000, tree: 1_000_000, lines: 1_000_000, seconds: 15 }
const SHORT = { events: 5_000, tree: 20_000, lines: 20_000, seconds: 3 }

/** Reads the command line; throws for what it does not know. */
export function parseOptions(args: readonly string[]): AuditBenchOptions {
  const number = { type: 'string' } as const
  const options = { short: { type: 'boolean' }, events: number, tree: number, lines: number, seconds: number } as const
  const { values } = parseArgs({ args: [...args], options })
  const usual = values.short === true ? SHORT : FULL
  const chosen = (name: keyof typeof FULL) => (values[name] === undefined ? usual[name] : Number(values[name]))
  return { events: chosen('events'), tree: chosen('tree'), lines: chosen('lines'), seconds: chosen('seconds') }
}
