import type { KeyRotationId } from '@memoric/contracts/ids.ts'
import type { KeyRotation } from '@memoric/contracts/key-contract.ts'
import { isUniqueViolation } from '@memoric/postgres/database-error.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantFlight, tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { requireSubject } from '@memoric/service/caller-limits.ts'
import { decodeCursor, encodeCursor } from '@memoric/service/cursor.ts'
import type { EventContext } from '@memoric/service/event-factory.ts'
import type { Handlers } from '@memoric/service/implement-routes.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import { keyRotationId } from '@memoric/contracts/ids.ts'
import { z } from 'zod'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { lockSubjects } from '../memories/subject-lock-repository.ts'
import { insertTenantKey, selectSubjectKeys, selectTenantKeys } from './key-repository.ts'
import {
  insertKeyRotation,
  insertNextSubjectKey,
  type KeyRotationRow,
  selectKeyRotation,
  selectKeyRotations,
} from './key-rotation-repository.ts'
import { nextSubjectKey } from './key-wrapping.ts'
import { wholeTenant, wrapTenantKey } from './subject-keys.ts'

type Operation = 'startKeyRotation' | 'listKeyRotations' | 'getKeyRotation'

const cursorSchema = z.strictObject({ before: keyRotationId })

/** Handlers of the routes under /v1/keys. */
export function keyHandlers(deps: MemoryDeps): Pick<Handlers<'memory'>, Operation> {
  return {
    async startKeyRotation({ body, context }) {
      const row = await startKeyRotation(deps, context, body.subject_id)
      deps.rotations.wake()
      return { status: 202, body: rotationView(row) }
    },
    async listKeyRotations({ query: { cursor, limit }, context: { caller } }) {
      const before = cursor === undefined ? null : decodeCursor(cursor, cursorSchema).before
      const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [
        selectKeyRotations(tx, caller.tenantId, before, limit + 1),
      ])
      const items = rows.slice(0, limit).map(rotationView)
      const last = items.at(-1)
      const next = rows.length > limit && last !== undefined ? encodeCursor({ before: last.id }) : null
      return { status: 200, body: { items, next_cursor: next } }
    },
    async getKeyRotation({ params: { id }, context: { caller } }) {
      const [[row]] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [
        selectKeyRotation(tx, caller.tenantId, id),
      ])
      if (row === undefined) throw new AppError('key_rotation_not_found')
      return { status: 200, body: rotationView(row) }
    },
  }
}

type StartDeps = Pick<MemoryDeps, 'sql' | 'keks' | 'keys' | 'events'>

/** Who asks; an operator is named by `actor`. */
type StartContext = RequestContext & Pick<EventContext, 'actor'>

/**
 * Gives the key of a subject, or of the tenant, its next version, and leaves the rest to the rotation worker.
 * Throws AppError `permission_denied`, `subject_not_allowed`, `subject_not_found`, `key_rotation_running`.
 */
export async function startKeyRotation(deps: StartDeps, context: StartContext, subjectId: string | undefined) {
  const { caller } = context
  if (subjectId !== undefined) requireSubject(caller, subjectId)
  else if (caller.subjects !== '*' || caller.namespaces !== '*') {
    throw new AppError('permission_denied', {
      detail: 'a credential without limits is needed for the key of the tenant',
    })
  }
  try {
    return await (subjectId === undefined ? startTenant(deps, context) : startSubject(deps, context, subjectId))
  } catch (cause) {
    throw isUniqueViolation(cause) ? new AppError('key_rotation_running', { cause }) : cause
  }
}

async function startTenant(deps: StartDeps, context: StartContext): Promise<KeyRotationRow> {
  const { tenantId } = context.caller
  const version = await deps.keys.withTenantKeys(tenantId, (ring) => ring.current().id)
  const next = await wrapTenantKey(deps.keks, tenantId, version + 1)
  const row = await tenantTransaction(deps.sql, wholeTenant(tenantId), async (tx) => {
    const begun = await begin(tx, deps, context, null, next.version)
    const [stored] = await insertTenantKey(tx, tenantId, next)
    const [newest] = await selectTenantKeys(tx, tenantId)
    // Another process has rotated since this one read the key.
    if (stored === undefined || newest?.version !== next.version) throw new AppError('key_rotation_running')
    return begun
  })
  deps.keys.forgetTenant(tenantId)
  return row
}

async function startSubject(deps: StartDeps, context: StartContext, subjectId: string): Promise<KeyRotationRow> {
  const { tenantId } = context.caller
  const row = await deps.keys.withTenantKeys(tenantId, (ring) =>
    tenantTransaction(deps.sql, wholeTenant(tenantId), async (tx) => {
      await lockSubjects(tx, tenantId, [{ subjectId, keyVersion: null }])
      const [newest] = await selectSubjectKeys(tx, tenantId, subjectId)
      if (newest === undefined) throw new AppError('subject_not_found')
      const begun = await begin(tx, deps, context, subjectId, newest.version + 1)
      await insertNextSubjectKey(tx, tenantId, subjectId, nextSubjectKey(ring, tenantId, subjectId, newest))
      return begun
    }),
  )
  deps.keys.forgetSubject(tenantId, subjectId)
  return row
}

async function begin(
  tx: Tx,
  deps: StartDeps,
  context: StartContext,
  subjectId: string | null,
  version: number,
): Promise<KeyRotationRow> {
  const { tenantId, principal } = context.caller
  const rotation = { tenant_id: tenantId, id: uuidV7(), subject_id: subjectId, to_version: version }
  const [row] = await insertKeyRotation(tx, {
    ...rotation,
    requested_by: context.actor ?? `${principal.type}:${principal.id}`,
  })
  if (row === undefined) throw new Error('an inserted row was not returned')
  await outboxInsert(tx, [rotationEvent(deps, 'key.rotation_started', context, row, 202)])
  return row
}

/** The event that a rotation has begun or ended. */
export function rotationEvent(
  { events }: Pick<MemoryDeps, 'events'>,
  type: 'key.rotation_started' | 'key.rotated',
  context: RequestContext,
  { tenant_id, id, subject_id, to_version, total }: KeyRotationRow,
  statusCode: number,
) {
  const details = { subject_id, to_version, total }
  return events({ type, context, tenantId: tenant_id, resourceId: id, statusCode, details })
}

function rotationView(row: KeyRotationRow): KeyRotation {
  const { id, subject_id, to_version, state, total, done, created_at, finished_at } = row
  return {
    // Made as one.
    id: id as KeyRotationId,
    subject_id,
    to_version,
    state,
    total,
    done,
    created_at: created_at.toISOString(),
    finished_at: finished_at?.toISOString() ?? null,
  }
}
