import type { TenantId } from '@memoric/contracts/ids.ts'
import type { EventContext } from '@memoric/service/event-factory.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { gatherBatches } from '../import/gather-batches.ts'
import { importBatch, type ImportCounts, tryBatch } from '../import/import-batch.ts'
import type { NumberedLine } from '../import/read-export.ts'
import type { FernetKey } from './fernet.ts'
import type { PythonDatabase, PythonRow } from './python-database.ts'
import { convertRow, PYTHON_SOURCE } from './python-memory.ts'

export interface PythonImport {
  readonly database: PythonDatabase
  readonly keys: readonly FernetKey[]
  readonly tenantId: TenantId
  readonly isDryRun: boolean
  readonly context: EventContext
  readonly now: Date
  readonly onCounted: (rows: number) => (done: number) => void
}

/** A row that could not be taken over, and why. */
export interface LeftOut {
  readonly id: number
  readonly why: string
}

export interface PythonReport extends ImportCounts {
  readonly leftOut: readonly LeftOut[]
  readonly leftOutCount: number
}

/** Rows that are named in the report; the others are counted. */
const NAMED = 20

/** Reads the memories of a Python memoric into a tenant; again, it makes what is missing. */
export async function importPython(
  deps: Pick<MemoryDeps, 'sql' | 'keys' | 'events'>,
  request: PythonImport,
): Promise<PythonReport> {
  const { tenantId, context, isDryRun } = request
  const target = { tenantId, context, source: PYTHON_SOURCE, sourceTenant: '' }
  const total = await request.database.count()
  const progress = request.onCounted(total)
  const [state, leftOut] = [{ read: 0, leftOut: 0 }, [] as LeftOut[]]
  const refuse = (row: PythonRow, why: string): void => {
    state.leftOut += 1
    if (leftOut.length < NAMED) leftOut.push({ id: row.id, why })
  }
  let [made, known] = [0, 0]
  for await (const batch of gatherBatches(linesOf(request, state, refuse), request.now)) {
    const counts = await (isDryRun ? tryBatch(deps, target, batch) : importBatch(deps, target, batch))
    made += counts.made
    known += counts.known
    if (state.read < total) progress(state.read)
  }
  progress(total)
  return { made, known, versions: 0, consents: 0, records: 0, leftOut, leftOutCount: state.leftOut }
}

async function* linesOf(
  { database, keys }: PythonImport,
  state: { read: number },
  refuse: (row: PythonRow, why: string) => void,
): AsyncGenerator<NumberedLine> {
  for await (const row of database.rows()) {
    state.read += 1
    const converted = convertRow(keys, row)
    if ('why' in converted) refuse(row, converted.why)
    else yield { number: row.id, line: converted.line }
  }
}
