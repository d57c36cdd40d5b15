import { isUnavailable } from '@memoric/postgres/database-error.ts'
import { loadConfig } from '@memoric/service/config.ts'
import { auditConfig } from '../config.ts'
import { type AuditCommand, auditCommands, type Outcome, UsageError } from './audit-commands.ts'
import { openAuditOperator } from './audit-operator.ts'

/** What is around the command. */
export interface CommandSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly out: (line: string) => void
  readonly err: (line: string) => void
}

const EXIT_CODES = { done: 0, failed: 1, usage: 2, unreachable: 3 } as const

/** Does what a command line asks for, with the environment of the audit service; gives the exit code. */
export async function runAuditCommand(
  args: readonly string[],
  { env, out, err }: CommandSurroundings,
): Promise<number> {
  try {
    if (args[0] === 'help' || args[0] === '--help') {
      usage().forEach((line) => out(line))
      return EXIT_CODES.done
    }
    const outcome = await run(args, env)
    outcome.lines.forEach((line) => out(line))
    return outcome.right ? EXIT_CODES.done : EXIT_CODES.failed
  } catch (error) {
    err(error instanceof Error ? error.message : 'The command failed.')
    if (error instanceof UsageError) usage().forEach((line) => err(line))
    if (error instanceof UsageError) return EXIT_CODES.usage
    return isUnavailable(error) ? EXIT_CODES.unreachable : EXIT_CODES.failed
  }
}

async function run(args: readonly string[], env: CommandSurroundings['env']): Promise<Outcome> {
  const command = commandOf(args)
  const parameters = args.slice(command.words.split(' ').length)
  if (command.usage === '' && parameters.length > 0) throw new UsageError(`"${command.words}" takes nothing more.`)
  const operator = await openAuditOperator(loadConfig(auditConfig, env))
  try {
    return await command.run(operator, parameters)
  } finally {
    await operator.closer.close()
  }
}

function commandOf(args: readonly string[]): AuditCommand {
  const words = args.slice(0, 2).join(' ')
  const command = auditCommands.find((one) => one.words === words)
  if (command === undefined) throw new UsageError('Say what to do.')
  return command
}

function usage(): string[] {
  return auditCommands.flatMap(({ words, usage: parameters, summary }) => [
    `  ${words} ${parameters}`.trimEnd(),
    `      ${summary}`,
  ])
}
