import { createHash } from 'node:crypto'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import { wholeTenant } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { encryptToAge } from './age-encryption.ts'
import { type ExportedSubject, selectChunks, selectExportedSubjects } from './chunk-repository.ts'
import { exportEvent } from './export-event.ts'
import { FORMAT, FORMAT_VERSION, lineText } from './export-lines.ts'
import type { ExportRow } from './export-repository.ts'
import { findExport } from './find-export.ts'
import { openChunk } from './seal-chunk.ts'

type Download = RouteTable['downloadExport']

const SUBJECTS = 500
/** Chunks in memory at a time. */
const CHUNKS = 4

/** The bytes of an export. Throws AppError `export_not_found`, `export_not_made`, `export_expired`. */
export async function downloadExport(
  deps: MemoryDeps,
  { params, context }: Call<Download>,
): Promise<RouteOutput<Download>> {
  const row = await findExport(deps, context.caller, params.id)
  if (row.state === 'expired' || (row.expires_at !== null && row.expires_at <= deps.now() && row.state === 'made')) {
    throw new AppError('export_expired')
  }
  if (row.state !== 'made') throw new AppError('export_not_made', { detail: `it is ${row.state}` })
  await tenantFlight(deps.sql, wholeTenant(row.tenant_id), (tx) => [
    outboxInsert(tx, [exportEvent(deps, 'export.downloaded', context, row)]),
  ])
  deps.relay.wake()
  const lines = exportBytes(deps, row)
  const isEncrypted = row.age_recipient !== null
  const body = row.age_recipient === null ? lines : await encryptToAge(row.age_recipient, lines)
  const name = `memoric-${row.id}.ndjson${isEncrypted ? '.age' : ''}`
  const headers = {
    'content-type': isEncrypted ? 'application/octet-stream' : 'application/x-ndjson',
    'content-disposition': `attachment; filename="${name}"`,
  }
  return { status: 200, body, headers }
}

/** Header, lines and trailer. Throws in the middle when something of it has gone: the answer is then cut off. */
async function* exportBytes(deps: MemoryDeps, row: ExportRow): AsyncGenerator<Buffer> {
  const hash = createHash('sha256')
  const counts: Record<string, number> = {}
  const hashed = (bytes: Buffer): Buffer => {
    hash.update(bytes)
    return bytes
  }
  yield hashed(Buffer.from(headerOf(row)))
  for await (const subject of subjectsOf(deps, row)) {
    for (const [kind, count] of Object.entries(subject.counts)) counts[kind] = (counts[kind] ?? 0) + count
    for await (const chunk of chunksOf(deps, row, subject)) yield hashed(chunk)
  }
  const lines = Object.values(counts).reduce((sum, count) => sum + count, 1)
  yield Buffer.from(lineText({ type: 'trailer', lines, counts, sha256: hash.digest('hex') }))
}

function headerOf({ tenant_id, subject_id, made_at, created_at }: ExportRow): string {
  const madeAt = (made_at ?? created_at).toISOString()
  return lineText({ type: 'header', format: FORMAT, version: FORMAT_VERSION, tenant_id, subject_id, made_at: madeAt })
}

async function* subjectsOf(
  { sql }: MemoryDeps,
  { tenant_id: tenantId, id }: ExportRow,
): AsyncGenerator<ExportedSubject> {
  for (let after: string | undefined = ''; after !== undefined;) {
    const from: string = after
    const [rows] = await tenantFlight(sql, wholeTenant(tenantId), (tx) => [
      selectExportedSubjects(tx, tenantId, id, from, SUBJECTS),
    ])
    yield* rows
    after = rows.at(-1)?.subject_id
  }
}

async function* chunksOf(deps: MemoryDeps, row: ExportRow, subject: ExportedSubject): AsyncGenerator<Buffer> {
  const place = { tenantId: row.tenant_id, subjectId: subject.subject_id, exportId: row.id }
  for (let next = 1; next <= subject.chunks;) {
    const from = next
    const [rows] = await tenantFlight(deps.sql, wholeTenant(row.tenant_id), (tx) => [
      selectChunks(tx, place, from, CHUNKS),
    ])
    const chunks = await deps.keys.forReading(place.tenantId, place.subjectId, (keys) =>
      keys === null ? [] : rows.map(({ number, sealed }) => openChunk(keys, { ...place, number }, sealed)),
    )
    if (chunks.length === 0 || rows[0]?.number !== from) throw new Error('a part of an export has gone')
    yield* chunks
    next += chunks.length
  }
}
