import type { Screen } from '@memoric/service/progress.ts'

/** What is around a command. */
export interface CommandSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly out: (line: string) => void
  readonly err: (line: string) => void
  /** Where progress is shown; nowhere when left out. */
  readonly screen?: Screen
}

export const EXIT_CODES = { done: 0, failed: 1, usage: 2, unreachable: 3 } as const

/** The command line cannot be understood. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** A command of the operator, which works on the memory service. */
export interface MemoryCommand {
  /** The first word of the command line. */
  readonly word: string
  readonly usage: readonly string[]
  /** Does what the whole command line asks for. Throws UsageError, or what kept it from being done. */
  run(args: readonly string[], surroundings: CommandSurroundings): Promise<void>
}
