import { tenantId as tenantIdSchema } from '@memoric/contracts/ids.ts'
import { identifier } from '@memoric/contracts/text.ts'
import { isUnavailable } from '@memoric/postgres/database-error.ts'
import { loadConfig } from '@memoric/service/config.ts'
import { memoryConfig } from '../config.ts'
import { rebuildIndex, rebuildIndexes } from '../search/rebuild-index.ts'
import { openIndexes } from './open-indexes.ts'
import { systemActor } from './system-actor.ts'

/** What is around the command. */
export interface CommandSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly out: (line: string) => void
  readonly err: (line: string) => void
}

const EXIT_CODES = { done: 0, failed: 1, usage: 2, unreachable: 3 } as const

const USAGE = [
  'index rebuild <tenant id> [<subject id>]',
  '    builds the search segments of a subject, or of every subject of a tenant, anew from the memories',
]

/** The command line cannot be understood. */
class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Does what a command line asks for, with the environment of the memory service; gives the exit code. */
export async function runIndexCommand(args: readonly string[], surroundings: CommandSurroundings): Promise<number> {
  const { out, err } = surroundings
  try {
    if (args[0] === 'help' || args[0] === '--help') USAGE.forEach((line) => out(line))
    else await rebuild(parse(args), surroundings)
    return EXIT_CODES.done
  } catch (error) {
    err(error instanceof Error ? error.message : 'The command failed.')
    if (error instanceof UsageError) USAGE.forEach((line) => err(line))
    if (error instanceof UsageError) return EXIT_CODES.usage
    return isUnavailable(error) ? EXIT_CODES.unreachable : EXIT_CODES.failed
  }
}

interface Target {
  readonly tenantId: string
  readonly subjectId: string | undefined
}

function parse([group, command, tenant, subject, ...surplus]: readonly string[]): Target {
  if (group !== 'index' || command !== 'rebuild') throw new UsageError('Say what to do.')
  if (surplus.length > 0) throw new UsageError(`"index rebuild" does not know what to do with "${surplus[0]}".`)
  if (!tenantIdSchema.safeParse(tenant).success) {
    throw new UsageError(`"${tenant ?? ''}" is not the id of a tenant: a UUID in lower case.`)
  }
  if (subject !== undefined && !identifier.safeParse(subject).success) {
    throw new UsageError('The id of the subject must have 1 to 128 characters and no control characters.')
  }
  return { tenantId: tenant ?? '', subjectId: subject }
}

async function rebuild({ tenantId, subjectId }: Target, { env, out }: CommandSurroundings): Promise<void> {
  const deps = await openIndexes(loadConfig(memoryConfig, env))
  try {
    let subjects = 0
    for await (const done of subjectId === undefined ? rebuildIndexes(deps, tenantId, systemActor()) : one(subjectId)) {
      out(`${done}: built anew`)
      subjects += 1
    }
    out(subjects === 1 ? '1 subject' : `${subjects} subjects`)
  } finally {
    await deps.closer.close()
  }

  async function* one(subject: string): AsyncGenerator<string> {
    const isThere = await rebuildIndex(deps, { tenantId, subjectId: subject }, systemActor())
    if (!isThere) throw new Error('There is no such subject.')
    yield subject
  }
}
