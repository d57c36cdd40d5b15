import { CryptoError } from '@memoric/crypto/errors.ts'
import { isUnavailable } from '@memoric/postgres/database-error.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { embeddingsCommand } from './embeddings-command.ts'
import { importCommand } from './import-command.ts'
import { importPythonCommand } from './import-python-command.ts'
import { indexCommand } from './index-command.ts'
import { keysCommand } from './keys-command.ts'
import { type CommandSurroundings, EXIT_CODES, type MemoryCommand, UsageError } from './memory-command.ts'
import { policiesCommand } from './policies-command.ts'
import { quotaCommand } from './quota-command.ts'
import { receiptKeyCommand } from './receipt-key-command.ts'

const commands: readonly MemoryCommand[] = [
  importCommand,
  importPythonCommand,
  keysCommand,
  indexCommand,
  policiesCommand,
  quotaCommand,
  embeddingsCommand,
  receiptKeyCommand,
]

/** Does what a command line asks for, with the environment of the memory service; gives the exit code. */
export async function runMemoryOperator(args: readonly string[], surroundings: CommandSurroundings): Promise<number> {
  const { out, err } = surroundings
  const command = commands.find(({ word }) => word === args[0])
  const usage = (command?.usage ?? commands.flatMap((each) => each.usage)).map((line) => `  ${line}`)
  if (args[0] === 'help' || args.includes('--help')) {
    usage.forEach((line) => out(line))
    return EXIT_CODES.done
  }
  try {
    if (command === undefined) throw new UsageError('Say what to do.')
    await command.run(args, surroundings)
    return EXIT_CODES.done
  } catch (error) {
    err(messageOf(error))
    if (error instanceof UsageError) usage.forEach((line) => err(line))
    if (error instanceof UsageError) return EXIT_CODES.usage
    return isAway(error) ? EXIT_CODES.unreachable : EXIT_CODES.failed
  }
}

/** Whether the database, or who has the key encryption key, cannot be reached. */
function isAway(error: unknown): boolean {
  if (isUnavailable(error)) return true
  return error instanceof CryptoError && error.code === 'kek_unavailable'
}

function messageOf(error: unknown): string {
  if (isUnavailable(error)) {
    return 'The database cannot be reached: start Memoric first, or look whether PostgreSQL runs.'
  }
  if (error instanceof AppError) return `${error.message}.`
  return error instanceof Error ? error.message : 'The command failed.'
}
