import { parseArgs } from 'node:util'
import { type Command, type CommandOptions, UsageError } from './command.ts'

/** What a command line asks for. */
export type CommandLine =
  | { readonly help: true }
  | {
      readonly help: false
      readonly command: Command
      readonly parameters: readonly string[]
      readonly options: CommandOptions
      readonly json: boolean
    }

const options = {
  help: { type: 'boolean', short: 'h' },
  json: { type: 'boolean' },
  reason: { type: 'string' },
  revoke: { type: 'boolean' },
} as const

/** Throws UsageError. */
export function parseCommandLine(commands: readonly Command[], args: readonly string[]): CommandLine {
  const { values, positionals } = parse(args)
  if (values.help === true || positionals[0] === 'help') return { help: true }
  const command = commands.find(({ words }) => words === positionals.slice(0, words.split(' ').length).join(' '))
  if (command === undefined) throw new UsageError(unknown(positionals))
  const { json = false, help: _help, ...given } = values
  const parameters = positionals.slice(command.words.split(' ').length)
  requireParameters(command, parameters)
  requireOptions(command, given)
  return { help: false, command, parameters, options: given, json }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (cause) {
    // Its messages name the option and say what is wrong.
    throw new UsageError(cause instanceof Error ? cause.message : 'The options cannot be read.', { cause })
  }
}

function unknown(positionals: readonly string[]): string {
  return positionals.length === 0 ? 'Say what to do.' : `There is no command "${positionals.join(' ')}".`
}

function requireParameters({ words, parameters }: Command, given: readonly string[]): void {
  const missing = parameters[given.length]
  if (missing !== undefined) throw new UsageError(`"${words}" needs the ${missing}.`)
  const surplus = given[parameters.length]
  if (surplus !== undefined) throw new UsageError(`"${words}" does not know what to do with "${surplus}".`)
}

function requireOptions({ words, options: known }: Command, given: CommandOptions): void {
  const names = Object.keys(given) as (keyof CommandOptions)[]
  const surplus = names.find((name) => !known.includes(name))
  if (surplus !== undefined) throw new UsageError(`"${words}" has no option --${surplus}.`)
}
