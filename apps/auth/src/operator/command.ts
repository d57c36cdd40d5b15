import type { JsonValue } from '@memoric/contracts/text.ts'
import type { Operator } from './open-operator.ts'

/** What a command answers: the same as JSON and as lines for a person. */
export interface Report {
  readonly value: JsonValue
  readonly lines: readonly string[]
}

/** The options that commands know, each by the text after it or `true`. */
export interface CommandOptions {
  readonly reason?: string
  readonly revoke?: boolean
}

/** One thing that an operator can ask for. */
export interface Command {
  readonly words: string
  /** Names of the arguments after the words. */
  readonly parameters: readonly string[]
  readonly options: readonly (keyof CommandOptions)[]
  readonly summary: string
  run(operator: Operator, parameters: readonly string[], options: CommandOptions): Promise<Report>
}

/** The command line cannot be understood; the message says what is wrong with it. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
