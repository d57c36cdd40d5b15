import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantFlight, tenantSnapshot, tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { wholeTenant } from '../keys/subject-keys.ts'
import { scopeOfIndex, selectSubjectIds } from '../search/segment-repository.ts'
import { serviceContext } from '../service-context.ts'
import { EXPORTERS } from './exporters.ts'
import type { ExportDeps } from './export-deps.ts'
import { exportEvent } from './export-event.ts'
import { type Claimed, endExport, noteTotal, sumCounts } from './export-repository.ts'
import { ExportInterrupted, openExportWriter } from './export-writer.ts'
import { countMemories } from './memory-lines-repository.ts'

const PAGE = 500
/** How often a subject is begun anew because its key was rotated meanwhile. */
const ATTEMPTS = 3

/** Makes what is missing of an export, subject by subject. Throws ExportInterrupted `claim_lost`, and when `signal` is aborted. */
export async function makeExport(deps: ExportDeps, job: Claimed, signal: AbortSignal): Promise<void> {
  if (job.total === null) await countTotal(deps, job)
  const [counts] = await tenantFlight(deps.sql, wholeTenant(job.tenant_id), (tx) => [
    sumCounts(tx, job.tenant_id, job.id),
  ])
  let done = counts.find(({ kind }) => kind === 'memory')?.count ?? 0
  for await (const subjectId of subjectsOf(deps, job)) {
    signal.throwIfAborted()
    done += await exportSubject(deps, job, subjectId, done, signal)
  }
  await finish(deps, job, 'made')
}

/** Ends an export and tells of it. */
export async function finish(deps: ExportDeps, job: Claimed, state: 'made' | 'failed', reason?: string): Promise<void> {
  await tenantTransaction(deps.sql, wholeTenant(job.tenant_id), async (tx) => {
    const [row] = await endExport(tx, job, state, deps.keptHours)
    if (row === undefined) throw new ExportInterrupted('claim_lost')
    const counts = await sumCounts(tx, job.tenant_id, job.id)
    const context = serviceContext(job.tenant_id, 'export')
    const more = { counts: Object.fromEntries(counts.map(({ kind, count }) => [kind, count])) }
    await outboxInsert(tx, [exportEvent(deps, `export.${state}`, context, row, { more, ...(reason && { reason }) })])
  })
  deps.relay.wake()
}

async function countTotal({ snapshots }: ExportDeps, job: Claimed): Promise<void> {
  await tenantTransaction(snapshots, wholeTenant(job.tenant_id), async (tx) => {
    const [row] = await countMemories(tx, job.tenant_id, job.subject_id)
    await noteTotal(tx, job, row?.count ?? 0)
  })
}

/** Ids of the subjects that are not finished yet. */
async function* subjectsOf({ sql }: ExportDeps, { tenant_id: tenantId, subject_id, place }: Claimed) {
  if (subject_id !== null) {
    if (place === null) yield subject_id
    return
  }
  for (let after: string | undefined = place ?? ''; after !== undefined;) {
    const from: string = after
    const [rows] = await tenantFlight(sql, wholeTenant(tenantId), (tx) => [selectSubjectIds(tx, tenantId, from, PAGE)])
    for (const { subject_id: subjectId } of rows) yield subjectId
    after = rows.at(-1)?.subject_id
  }
}

/** Gives how many memories the subject has; 0 when it has gone meanwhile. */
async function exportSubject(
  deps: ExportDeps,
  job: Claimed,
  subjectId: string,
  doneBefore: number,
  signal: AbortSignal,
): Promise<number> {
  const { tenant_id: tenantId, id: exportId } = job
  for (let attempt = 1; ; attempt++) {
    try {
      return await writeSubject(deps, job, { tenantId, subjectId, exportId }, doneBefore, signal)
    } catch (error) {
      if (!(error instanceof ExportInterrupted) || error.why === 'claim_lost') throw error
      if (error.why === 'subject_gone') return 0
      deps.keys.forgetSubject(tenantId, subjectId)
      if (attempt === ATTEMPTS) throw error
    }
  }
}

/** Keys are had before the snapshot is taken, so that they open everything in it. */
function writeSubject(
  deps: ExportDeps,
  job: Claimed,
  place: { tenantId: string; subjectId: string; exportId: string },
  doneBefore: number,
  signal: AbortSignal,
): Promise<number> {
  return deps.keys.forReading(place.tenantId, place.subjectId, async (keys) => {
    if (keys === null) return 0
    const writer = await openExportWriter(deps, job, place, keys, doneBefore)
    await tenantSnapshot(deps.snapshots, scopeOfIndex(place), async (tx) => {
      for (const exporter of EXPORTERS) {
        for await (const line of exporter(tx, place, keys)) {
          signal.throwIfAborted()
          await writer.add(line)
        }
      }
    })
    return writer.finish()
  })
}
