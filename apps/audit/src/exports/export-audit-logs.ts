import type { ExportAuditLogsQuery } from '@memoric/contracts/audit-contract.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { systemFlight, tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { EventInput } from '@memoric/service/event-factory.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { toAuditLog } from '../log/audit-log-view.ts'
import type { ListDeps } from '../log/list-audit-logs.ts'
import { selectLastLine } from '../log/log-page-repository.ts'
import { filtersOf, requireWholeTenant, wholeTenant } from '../log/log-readers.ts'
import { awaitCheckpoint } from '../proofs/await-checkpoint.ts'
import { csvHeader, csvLine } from './csv-lines.ts'
import { type NdjsonDeps, ndjsonLines } from './ndjson-lines.ts'
import { ocsfEvent } from './ocsf-event.ts'
import { type LogChunk, readChunks } from './read-chunks.ts'

type Route = RouteTable['exportAuditLogs']
export type ExportDeps = ListDeps & NdjsonDeps

const CONTENT_TYPES = {
  ndjson: 'application/x-ndjson; charset=utf-8',
  ocsf: 'application/x-ndjson; charset=utf-8',
  csv: 'text/csv; charset=utf-8; header=present',
} as const

/**
 * The lines of the tenant as they were when it began, in parts that are made as the client takes them. Beginning and end are
 * logged, also of an export that was broken off. Throws AppError `permission_denied`.
 */
export async function exportAuditLogs(deps: ExportDeps, { query, context }: Call<Route>): Promise<RouteOutput<Route>> {
  const { caller } = context
  requireWholeTenant(caller)
  const last = await begin(deps, query, context)
  // Whoever verifies an export needs a checkpoint that covers it.
  const checkpoint = query.format === 'ndjson' ? await awaitCheckpoint(deps, last.index + 1) : null
  const chunks = readChunks(deps.sql, caller.tenantId, query, last.seq)
  // A query that takes too long is a problem still; once the answer has begun it could only be cut off.
  const first = await chunks.next()
  const told = counted(startWith(first, chunks))
  const parts =
    checkpoint === null
      ? plainLines(deps, query.format, told.chunks)
      : ndjsonLines(
          deps,
          { tenantId: caller.tenantId, isComplete: filtersOf(query).length === 0, checkpoint },
          told.chunks,
        )
  return {
    status: 200,
    body: send(deps, context, query.format, parts, told.lines),
    headers: {
      'content-type': CONTENT_TYPES[query.format],
      'content-disposition': `attachment; filename="audit.${query.format === 'csv' ? 'csv' : 'ndjson'}"`,
    },
  }
}

/** The last line of the export. */
async function begin(deps: ExportDeps, query: ExportAuditLogsQuery, context: RequestContext) {
  const { tenantId } = context.caller
  const last = await tenantTransaction(deps.sql, wholeTenant(tenantId), async (tx) => {
    const [row = { seq: 0, index: -1 }] = await selectLastLine(tx, tenantId)
    const details = { format: query.format, filters: filtersOf(query), up_to_tenant_seq: row.seq }
    await outboxInsert(tx, [deps.events(exportEvent('audit.export_started', context, details))])
    return row
  })
  deps.wakeRelay()
  return last
}

async function* startWith<T>(first: IteratorResult<T>, rest: AsyncGenerator<T>): AsyncGenerator<T> {
  if (first.done === true) return
  yield first.value
  yield* rest
}

/** The same chunks, and how many lines were in those that were taken so far. */
function counted(chunks: AsyncIterable<LogChunk>) {
  let lines = 0
  async function* counting(): AsyncGenerator<LogChunk> {
    for await (const chunk of chunks) {
      lines += chunk.length
      yield chunk
    }
  }
  return { chunks: counting(), lines: () => lines }
}

async function* send(
  deps: ExportDeps,
  context: RequestContext,
  name: ExportAuditLogsQuery['format'],
  parts: AsyncIterable<string>,
  lines: () => number,
): AsyncGenerator<Uint8Array> {
  let complete = false
  try {
    for await (const part of parts) yield Buffer.from(part)
    complete = true
  } finally {
    await end(deps, context, { format: name, lines: lines(), complete })
  }
}

async function* plainLines(
  deps: ExportDeps,
  name: ExportAuditLogsQuery['format'],
  chunks: AsyncIterable<LogChunk>,
): AsyncGenerator<string> {
  if (name === 'csv') yield csvHeader()
  const write = name === 'csv' ? csvLine : ocsfLine
  for await (const chunk of chunks) yield chunk.map((row) => `${write(toAuditLog(deps, row))}\n`).join('')
}

function ocsfLine(line: Parameters<typeof ocsfEvent>[0]): string {
  return JSON.stringify(ocsfEvent(line))
}

async function end(
  { sql, events, wakeRelay, log }: ExportDeps,
  context: RequestContext,
  details: { format: string; lines: number; complete: boolean },
): Promise<void> {
  const event = events(exportEvent('audit.exported', context, details))
  try {
    await systemFlight(sql, (tx) => [outboxInsert(tx, [event])])
    wakeRelay()
  } catch (error) {
    log.error({ err: error, request_id: context.caller.requestId, ...details }, 'the end of an export was not logged')
  }
}

function exportEvent(
  type: 'audit.export_started' | 'audit.exported',
  context: RequestContext,
  details: NonNullable<EventInput['details']>,
): EventInput {
  const outcome = details['complete'] === false ? ('failure' as const) : ('success' as const)
  return { type, context, resourceId: null, statusCode: 200, outcome, details }
}
