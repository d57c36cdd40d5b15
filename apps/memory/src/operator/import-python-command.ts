import { readFile } from 'node:fs/promises'
import type { TenantId } from '@memoric/contracts/ids.ts'
import { loadConfig } from '@memoric/service/config.ts'
import { createProgress } from '@memoric/service/progress.ts'
import { memoryConfig } from '../config.ts'
import { ImportError } from '../import/import-error.ts'
import { type FernetKey, parseFernetKey } from '../import-python/fernet.ts'
import { importPython, type PythonReport } from '../import-python/import-python.ts'
import { openPythonDatabase } from '../import-python/python-database.ts'
import { type CommandSurroundings, type MemoryCommand, UsageError } from './memory-command.ts'
import { openMemory } from './open-memory.ts'
import { operatorContext } from './operator-context.ts'
import { readOptions, readTenantId, refuseSurplus } from './read-arguments.ts'

export const importPythonCommand: MemoryCommand = {
  word: 'import-python',
  usage: [
    'import-python --database <postgres://…> --tenant <tenant id> [--fernet-key-file <file>] [--dry-run]',
    '    reads the memories of a Python memoric into a tenant; the file has its keys of Fernet, one a line',
  ],
  run: (args, surroundings) => run(parse(args), surroundings),
}

interface Asked {
  readonly database: string
  readonly keyFile: string | undefined
  readonly tenantId: TenantId
  readonly isDryRun: boolean
}

function parse(args: readonly string[]): Asked {
  const { values, positionals } = readOptions(args, {
    database: { type: 'string' },
    tenant: { type: 'string' },
    'fernet-key-file': { type: 'string' },
    'dry-run': { type: 'boolean' },
  })
  refuseSurplus('import-python', positionals)
  if (values.database === undefined) throw new UsageError('Name the database of the Python memoric (--database).')
  const tenantId = readTenantId(values.tenant)
  return {
    database: values.database,
    keyFile: values['fernet-key-file'],
    tenantId,
    isDryRun: values['dry-run'] === true,
  }
}

async function run(asked: Asked, { env, out, err, screen }: CommandSurroundings): Promise<void> {
  const keys = asked.keyFile === undefined ? [] : await readKeys(asked.keyFile)
  const deps = await openMemory(loadConfig(memoryConfig, env))
  try {
    const database = await openPythonDatabase(asked.database)
    deps.closer.defer('the other database', () => database.close())
    const context = operatorContext(asked.tenantId, 'import-python')
    const onCounted = (rows: number) => (screen === undefined ? () => undefined : createProgress(screen, rows))
    const report = await importPython(deps, { ...asked, database, keys, context, now: new Date(), onCounted })
    tell(report, asked.isDryRun, out, err)
  } finally {
    await deps.closer.close()
  }
}

async function readKeys(path: string): Promise<FernetKey[]> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new ImportError(`The key file ${path} cannot be read.`, { cause })
  })
  return text
    .split(/\s+/)
    .filter((line) => line !== '')
    .map((line) => {
      const key = parseFernetKey(line)
      if (key === null) throw new ImportError(`The key file ${path} has a line that is no key of Fernet.`)
      return key
    })
}

function tell(report: PythonReport, isDryRun: boolean, out: (line: string) => void, err: (line: string) => void): void {
  out(`memories: ${report.made} ${isDryRun ? 'would be made' : 'made'}, ${report.known} there already`)
  if (report.leftOutCount === 0) return
  for (const { id, why } of report.leftOut) err(`row ${id}: ${why}`)
  throw new ImportError(`${report.leftOutCount} rows were left out.`)
}
