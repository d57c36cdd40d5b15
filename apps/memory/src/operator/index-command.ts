import { loadConfig } from '@memoric/service/config.ts'
import { memoryConfig } from '../config.ts'
import { rebuildIndex, rebuildIndexes } from '../search/rebuild-index.ts'
import { type CommandSurroundings, type MemoryCommand, UsageError } from './memory-command.ts'
import { openIndexes } from './open-indexes.ts'
import { readOptions, readSubjectId, readTenantId, refuseSurplus } from './read-arguments.ts'
import { systemActor } from './system-actor.ts'

interface Target {
  readonly tenantId: string
  readonly subjectId: string | undefined
}

export const indexCommand: MemoryCommand = {
  word: 'index',
  usage: [
    'index rebuild <tenant id> [<subject id>]',
    '    builds the search segments of a subject, or of every subject of a tenant, anew from the memories',
  ],
  run: (args, surroundings) => rebuild(parse(args), surroundings),
}

function parse(args: readonly string[]): Target {
  const [command, tenant, subject, ...surplus] = readOptions(args, {}).positionals
  if (command !== 'rebuild') throw new UsageError('Say what to do.')
  refuseSurplus('index rebuild', surplus)
  return { tenantId: readTenantId(tenant), subjectId: subject === undefined ? undefined : readSubjectId(subject) }
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
