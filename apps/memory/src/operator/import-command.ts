import type { TenantId } from '@memoric/contracts/ids.ts'
import { loadConfig } from '@memoric/service/config.ts'
import { createProgress } from '@memoric/service/progress.ts'
import { memoryConfig } from '../config.ts'
import { importExport, type ImportReport } from '../import/import-export.ts'
import { type CommandSurroundings, type MemoryCommand, UsageError } from './memory-command.ts'
import { openMemory } from './open-memory.ts'
import { operatorContext } from './operator-context.ts'
import { readOptions, readTenantId, refuseSurplus } from './read-arguments.ts'

export const importCommand: MemoryCommand = {
  word: 'import',
  usage: [
    'import <file> --tenant <tenant id> [--identity <file>] [--dry-run]',
    '    reads an export into a tenant; what is there already stays; --identity is for a file that age has encrypted',
  ],
  run: (args, surroundings) => run(parse(args), surroundings),
}

interface Asked {
  readonly file: string
  readonly tenantId: TenantId
  readonly identity: string | undefined
  readonly isDryRun: boolean
}

function parse(args: readonly string[]): Asked {
  const { values, positionals } = readOptions(args, {
    tenant: { type: 'string' },
    identity: { type: 'string' },
    'dry-run': { type: 'boolean' },
  })
  const [file, ...surplus] = positionals
  if (file === undefined) throw new UsageError('Name the file to import.')
  refuseSurplus('import', surplus)
  return {
    file,
    tenantId: readTenantId(values.tenant),
    identity: values.identity,
    isDryRun: values['dry-run'] === true,
  }
}

async function run(asked: Asked, { env, out, screen }: CommandSurroundings): Promise<void> {
  const deps = await openMemory(loadConfig(memoryConfig, env))
  try {
    const onChecked = (lines: number) => (screen === undefined ? () => undefined : createProgress(screen, lines))
    const context = operatorContext(asked.tenantId, 'import')
    const report = await importExport(deps, { ...asked, context, now: new Date(), onChecked })
    reportLines(report, asked.isDryRun).forEach((line) => out(line))
  } finally {
    await deps.closer.close()
  }
}

/** What was done, for a person. */
export function reportLines(
  { made, known, versions, consents, records, expired, subjects }: ImportReport,
  isDryRun: boolean,
): string[] {
  const verb = isDryRun ? 'would be made' : 'made'
  return [
    `subjects: ${subjects}`,
    `memories: ${made} ${verb}, ${known} there already, ${expired} expired and left out`,
    `replaced versions: ${versions} ${verb}`,
    `records of consents: ${consents} ${verb}`,
    ...(records > 0 ? [`handoffs, notes, tasks, persons, threads and the like: ${records} ${verb}`] : []),
  ]
}
