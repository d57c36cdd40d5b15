import { isUnavailable } from '@memoric/postgres/database-error.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { loadConfig } from '@memoric/service/config.ts'
import { authConfig } from '../config.ts'
import { type Command, type Report, UsageError } from './command.ts'
import { natsUserCommands } from './nats-user-commands.ts'
import { openOperator, systemUser } from './open-operator.ts'
import { parseCommandLine } from './parse-command-line.ts'
import { signingKeyCommands } from './signing-key-commands.ts'
import { tenantCommands } from './tenant-commands.ts'
import { usage } from './usage.ts'
import { userCommands } from './user-commands.ts'

/** With which code the process ends. */
export const EXIT_CODES = { done: 0, failed: 1, usage: 2, unreachable: 3 } as const

/** What is around the command. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly out: (line: string) => void
  readonly err: (line: string) => void
  /** How long NATS may take to be reached, ms. */
  readonly patienceMs?: number
}

const commands: readonly Command[] = [...signingKeyCommands, ...tenantCommands, ...userCommands, ...natsUserCommands]

/** Does what a command line asks for, with the environment of auth; gives the exit code. */
export async function runOperator(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const { out, err } = surroundings
  try {
    const line = parseCommandLine(commands, args)
    if (line.help) {
      for (const text of usage(commands)) out(text)
      return EXIT_CODES.done
    }
    const report = await run(line, surroundings)
    for (const text of line.json ? [JSON.stringify(report.value, null, 2)] : report.lines) out(text)
    return EXIT_CODES.done
  } catch (error) {
    err(messageOf(error))
    if (error instanceof UsageError) err('"help" lists the commands.')
    return exitCodeOf(error)
  }
}

async function run(
  { command, parameters, options }: Extract<ReturnType<typeof parseCommandLine>, { help: false }>,
  { env, err, patienceMs }: Surroundings,
): Promise<Report> {
  const config = loadConfig(authConfig, env)
  const patience = patienceMs === undefined ? {} : { patienceMs }
  const operator = await openOperator(config, { user: systemUser(), warn: err, ...patience })
  try {
    return await command.run(operator, parameters, options)
  } finally {
    await operator.closer.close()
  }
}

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT_CODES.usage
  return isUnavailable(error) ? EXIT_CODES.unreachable : EXIT_CODES.failed
}

function messageOf(error: unknown): string {
  if (isUnavailable(error))
    return 'The database cannot be reached: start Memoric first, or look whether PostgreSQL runs.'
  if (error instanceof AppError) return `${error.message}.`
  return error instanceof Error ? error.message : 'The command failed.'
}
