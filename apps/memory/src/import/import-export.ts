import { createHash } from 'node:crypto'
import type { TenantId } from '@memoric/contracts/ids.ts'
import type { EventContext } from '@memoric/service/event-factory.ts'
import type { HeaderLine } from '../exports/export-lines.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { gatherBatches } from './gather-batches.ts'
import { importBatch, type ImportCounts, type ImportTarget, tryBatch } from './import-batch.ts'
import { ImportError } from './import-error.ts'
import { openFile } from './open-file.ts'
import { readExport } from './read-export.ts'

export interface ImportRequest {
  readonly file: string
  /** File with an identity of age. */
  readonly identity: string | undefined
  readonly tenantId: TenantId
  readonly isDryRun: boolean
  readonly context: EventContext
  readonly now: Date
  /** Told how many lines there are, before anything is written; gives what is told how far it has come. */
  readonly onChecked: (lines: number) => (done: number) => void
}

export interface ImportReport extends ImportCounts {
  readonly expired: number
  readonly subjects: number
}

type ImportDeps = Pick<MemoryDeps, 'sql' | 'keys' | 'events'>

/**
 * Reads an export into a tenant. The file is checked as a whole before anything is written; then batches are written one after the
 * other, each with its event in a transaction of its own, so that an import that was stopped is just begun again.
 * Throws ImportError.
 */
export async function importExport(deps: ImportDeps, request: ImportRequest): Promise<ImportReport> {
  const open = await openFile(request.file, request.identity)
  const { lines, header } = await checkFile(await open())
  const progress = request.onChecked(lines)
  const target = targetOf(request, header)
  const subjects = new Set<string>()
  let report = { made: 0, known: 0, versions: 0, consents: 0, records: 0, expired: 0 }
  for await (const batch of gatherBatches(readExport(await open()), request.now)) {
    const counts = await (request.isDryRun ? tryBatch(deps, target, batch) : importBatch(deps, target, batch))
    report = {
      made: report.made + counts.made,
      known: report.known + counts.known,
      versions: report.versions + counts.versions,
      consents: report.consents + counts.consents,
      records: report.records + counts.records,
      expired: report.expired + batch.expired,
    }
    subjects.add(digest(batch.subjectId))
    if (batch.lastLine < lines - 1) progress(batch.lastLine)
  }
  progress(lines)
  return { ...report, subjects: subjects.size }
}

async function checkFile(source: AsyncIterable<Uint8Array>): Promise<{ lines: number; header: HeaderLine }> {
  const found: { header?: HeaderLine } = {}
  let lines = 2
  for await (const { number } of readExport(source, (header) => (found.header = header))) lines = number + 1
  if (found.header === undefined) throw new ImportError('The file is empty.')
  return { lines, header: found.header }
}

function targetOf({ tenantId, context }: ImportRequest, header: HeaderLine): ImportTarget {
  return { tenantId, context, source: header.format, sourceTenant: header.tenant_id }
}

/** A set of all names of a large tenant would be large. */
function digest(subjectId: string): string {
  return createHash('sha256').update(subjectId).digest('base64').slice(0, 12)
}
