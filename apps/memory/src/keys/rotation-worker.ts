import type { KeyRing } from '@memoric/crypto/key-ring.ts'
import type { SealingKey } from '@memoric/crypto/sealed-box.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import type { OutboxRelay } from '@memoric/postgres/outbox-relay.ts'
import { systemFlight, tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { EventFactory } from '@memoric/service/event-factory.ts'
import type { Logger } from '@memoric/service/logger.ts'
import { resealVectors } from '../embeddings/reseal-vectors.ts'
import { resealCapsules } from '../capsules/reseal-capsules.ts'
import { dropOldClusters } from '../clusters/drop-old-clusters.ts'
import { resealEdges } from '../edges/reseal-edges.ts'
import { resealEdits } from '../edits/reseal-edits.ts'
import { resealChunks } from '../exports/reseal-chunks.ts'
import { resealHandoffs } from '../handoffs/reseal-handoffs.ts'
import { lockSubjects } from '../memories/subject-lock-repository.ts'
import { openAttributes, sealAttributes } from '../memories/private-attributes.ts'
import { resealPersons } from '../persons/reseal-persons.ts'
import { resealEvidence } from '../privacy/seal-evidence.ts'
import { resealSegments } from '../search/reseal-segments.ts'
import { serviceContext } from '../service-context.ts'
import { resealTitles } from '../threads/reseal-titles.ts'
import {
  deleteOldSubjectKeys,
  deleteOldTenantKeys,
  finishRotation,
  type KeyRotationRow,
  lockOldSubjectKeys,
  lockRotation,
  noteProgress,
  type SealedBox,
  selectBoxes,
  selectOldBoxes,
  selectRunningRotations,
  updateBoxes,
  updateSubjectKeys,
} from './key-rotation-repository.ts'
import { rotationEvent } from './key-rotations.ts'
import { rewrapSubjectKey } from './key-wrapping.ts'
import { type KeyStore, type SubjectKeys, wholeTenant } from './subject-keys.ts'

export interface RotationWorker {
  /** Looks for work at once. */
  wake(): void
  /** Rotations that run, of those seen last. */
  running(): number
  close(): Promise<void>
}

export interface RotationWorkerOptions {
  readonly sql: Sql
  readonly keys: KeyStore
  readonly events: EventFactory
  readonly relay: Pick<OutboxRelay, 'wake'>
  readonly log: Logger
  /** Ms between two looks for rotations that other processes began, or left behind. */
  readonly everyMs?: number
}

/** Keys or memories of one transaction: some milliseconds of work under the lock of a subject. */
const BATCH = 200
/** The same for search segments and for parts of exports, which are some hundred KiB each. */
const SEGMENTS = 8
const ROTATIONS = 20

/** Goes on with rotations in small transactions, one process at a time for each; after a crash another takes over. */
export function createRotationWorker({ everyMs = 10_000, ...deps }: RotationWorkerOptions): RotationWorker {
  const stopping = new AbortController()
  let running = 0
  let wake = (): void => undefined
  const pause = () =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, everyMs).unref()
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  const loop = (async () => {
    while (!stopping.signal.aborted) {
      const woken = pause()
      running = await goOn(deps, stopping.signal).catch((error: unknown) => {
        deps.log.warn({ err: error }, 'rotations of keys go on later')
        return running
      })
      await woken
    }
  })()
  return {
    wake: () => wake(),
    running: () => running,
    async close() {
      stopping.abort()
      wake()
      await loop
    },
  }
}

type WorkerDeps = Omit<RotationWorkerOptions, 'everyMs'>

/** Works on everything that runs, and gives how much is left to others. */
async function goOn(deps: WorkerDeps, signal: AbortSignal): Promise<number> {
  let left = 0
  for (let after: string | null = null; ;) {
    const [rotations] = await systemFlight(deps.sql, (tx) => [selectRunningRotations(tx, after, ROTATIONS)])
    for (const rotation of rotations) left += (await carryOut(deps, rotation, signal)) ? 0 : 1
    after = rotations.at(-1)?.id ?? null
    if (rotations.length < ROTATIONS || signal.aborted) return left
  }
}

/** As much of one as can be done now; false when something is left. What stops one does not stop the others. */
async function carryOut(deps: WorkerDeps, rotation: KeyRotationRow, signal: AbortSignal): Promise<boolean> {
  try {
    let more = true
    while (more && !signal.aborted) more = await step(deps, rotation)
    return !more
  } catch (error) {
    const { tenant_id: tenant, subject_id: subject, id } = rotation
    deps.log.warn({ err: error, tenant, subject, rotation: id }, 'a rotation of keys goes on later')
    return false
  }
}

/** One batch; false when there is nothing more to do here. */
async function step(deps: WorkerDeps, { ...rotation }: KeyRotationRow): Promise<boolean> {
  const { tenant_id: tenantId, subject_id: subjectId } = rotation
  const inTransaction = (work: (tx: Tx, row: KeyRotationRow) => Promise<boolean>) =>
    tenantTransaction(deps.sql, wholeTenant(tenantId), async (tx) => {
      const [row] = await lockRotation(tx, rotation)
      return row !== undefined && work(tx, row)
    })
  const more = await (subjectId === null
    ? deps.keys.withTenantKeys(tenantId, (ring) => inTransaction((tx, row) => rewrapKeys(tx, deps, ring, row)))
    : deps.keys.forReading(tenantId, subjectId, (keys) =>
        inTransaction((tx, row) =>
          keys === null ? end(tx, deps, row) : resealMemories(tx, deps, keys, row, subjectId),
        ),
      ))
  deps.relay.wake()
  return more
}

async function rewrapKeys(tx: Tx, deps: WorkerDeps, ring: KeyRing<SealingKey>, row: KeyRotationRow): Promise<boolean> {
  const { tenant_id: tenantId, to_version: version } = row
  if (ring.current().id < version) {
    // Read before the rotation began.
    deps.keys.forgetTenant(tenantId)
    return true
  }
  const old = await lockOldSubjectKeys(tx, tenantId, version, BATCH)
  if (old.length === 0) {
    await deleteOldTenantKeys(tx, tenantId, version)
    return end(tx, deps, row)
  }
  const anew = old.map((key) => ({
    subject_id: key.subject_id,
    ...rewrapSubjectKey(ring, tenantId, key.subject_id, key),
  }))
  await updateSubjectKeys(tx, tenantId, anew)
  await noteProgress(tx, row, anew.length, null)
  return true
}

async function resealMemories(
  tx: Tx,
  deps: WorkerDeps,
  keys: SubjectKeys,
  row: KeyRotationRow,
  subjectId: string,
): Promise<boolean> {
  const { tenant_id: tenantId, to_version: version } = row
  if (keys.content.current().id < version) {
    deps.keys.forgetSubject(tenantId, subjectId)
    return true
  }
  await lockSubjects(tx, tenantId, [{ subjectId, keyVersion: null }])
  const current = await selectBoxes(tx, row, BATCH)
  const last = current.at(-1)
  if (last === undefined) {
    if ((await resealSegments(tx, keys, { tenantId, subjectId }, SEGMENTS)) > 0) return true
    if ((await resealVectors(tx, keys, { tenantId, subjectId }, SEGMENTS)) > 0) return true
    if ((await resealChunks(tx, keys, { tenantId, subjectId }, SEGMENTS)) > 0) return true
    if ((await resealEvidence(tx, keys, { tenantId, subjectId }, BATCH)) > 0) return true
    if ((await resealHandoffs(tx, keys, { tenantId, subjectId }, BATCH)) > 0) return true
    if ((await resealPersons(tx, keys, { tenantId, subjectId }, BATCH)) > 0) return true
    if ((await resealEdges(tx, keys, { tenantId, subjectId }, BATCH)) > 0) return true
    if ((await resealEdits(tx, keys, { tenantId, subjectId }, BATCH)) > 0) return true
    if ((await resealCapsules(tx, keys, { tenantId, subjectId }, BATCH)) > 0) return true
    await dropOldClusters(tx, keys, { tenantId, subjectId })
    if ((await resealTitles(tx, keys, { tenantId, subjectId }, BATCH)) > 0) return true
    await deleteOldSubjectKeys(tx, tenantId, subjectId, version)
    return end(tx, deps, row)
  }
  const replaced = await selectOldBoxes(
    tx,
    tenantId,
    current.map(({ id }) => id),
  )
  const reseal = (box: SealedBox): SealedBox => resealed(keys, { tenantId, subjectId }, box)
  await updateBoxes(tx, 'memories', tenantId, current.map(reseal))
  if (replaced.length > 0) await updateBoxes(tx, 'memory_versions', tenantId, replaced.map(reseal))
  await noteProgress(tx, row, current.length, last.id)
  return true
}

function resealed(keys: SubjectKeys, whose: { tenantId: string; subjectId: string }, box: SealedBox): SealedBox {
  const place = { ...whose, memoryId: box.id, version: box.version }
  return {
    ...box,
    sealed: sealAttributes(keys.content.current(), place, openAttributes(keys.content, place, box.sealed)),
  }
}

async function end(tx: Tx, deps: WorkerDeps, row: KeyRotationRow): Promise<false> {
  await finishRotation(tx, row)
  const context = serviceContext(row.tenant_id, 'key rotation')
  await outboxInsert(tx, [rotationEvent(deps, 'key.rotated', context, row, 200)])
  return false
}
