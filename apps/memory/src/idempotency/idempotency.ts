import { createHmac, timingSafeEqual } from 'node:crypto'
import { encodeFields } from '@memoric/crypto/bytes.ts'
import { isUniqueViolation } from '@memoric/postgres/database-error.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { type KeyStore, wholeTenant } from '../keys/subject-keys.ts'
import { TENANT_ITSELF } from '../keys/tenant-itself.ts'
import {
  type Claim,
  deleteExpiredKept,
  type KeptRequest,
  keptRequest,
  ONE_KEY,
  selectKept,
} from './idempotency-repository.ts'

/** A request that may come twice. */
export interface RepeatableRequest {
  readonly context: RequestContext
  /** The Idempotency-Key; undefined for a request that stands for itself. */
  readonly key: string | undefined
  /** What the caller sent, as JSON: the same text for the same request. */
  readonly text: string
  /** Null for several. */
  readonly subjectId: string | null
  /** The subjects where they are several: erasing one of them forgets the request. */
  readonly subjectIds?: readonly string[]
}

/** How a request is done, and how its answer is made again from what was kept. */
export interface RepeatableWork<R> {
  /** Must keep the claim in the transaction of the change (`keepClaims`, `insertKept`), unless nothing changes. */
  readonly first: (claim: Claim | null) => Promise<R>
  readonly again: (kept: KeptRequest) => Promise<R>
}

export interface Idempotency {
  /**
   * Does a request, or answers it as it was answered: of several at once with one key, in any process, one does it.
   * Throws AppError `idempotency_key_reused` when the key came with another request, and what the work throws.
   */
  run<R>(request: RepeatableRequest, work: RepeatableWork<R>): Promise<R>
  /** Answers that were given again, since the process started. */
  replays(): number
}

/** How often a request is begun anew because the record in its way expired, or its transaction did not last. */
const ATTEMPTS = 5

export const REPLAYED = { 'idempotent-replayed': 'true' } as const

export function createIdempotency({ sql, keys }: { sql: Sql; keys: KeyStore }): Idempotency {
  /** Requests under way in this process, by their keys: whether they kept their claim. */
  const running = new Map<string, Promise<boolean>>()
  let replays = 0

  return {
    run: (request, work) => (request.key === undefined ? work.first(null) : runOnce(request, request.key, work)),
    replays: () => replays,
  }

  async function runOnce<R>(request: RepeatableRequest, key: string, work: RepeatableWork<R>): Promise<R> {
    const { tenantId } = request.context.caller
    const claim = await keys.forWriting(tenantId, TENANT_ITSELF, ({ fingerprintKey }) => ({
      keyHash: createHmac('sha256', fingerprintKey).update(keyFields(request.context, key)).digest(),
      requestHash: createHmac('sha256', fingerprintKey).update('idempotent-request ').update(request.text).digest(),
      subjectId: request.subjectId,
      subjectIds: request.subjectIds ?? [],
    }))
    const name = `${tenantId} ${claim.keyHash.toString('base64')}`
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      let other = running.get(name)
      while (other !== undefined && !(await other)) other = running.get(name)
      const done = other === undefined ? await tryFirst(name, claim, work) : null
      if (done !== null) return done.result
      const kept = await read(tenantId, claim)
      if (kept === null) continue
      if (!timingSafeEqual(kept.requestHash, claim.requestHash)) throw new AppError('idempotency_key_reused')
      const result = await work.again(kept)
      replays += 1
      return result
    }
    throw new AppError('write_conflict', { retryAfter: 1 })
  }

  /** Does the request; null when another process has done it. */
  async function tryFirst<R>(name: string, claim: Claim, work: RepeatableWork<R>): Promise<{ result: R } | null> {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    running.set(name, promise)
    let isKept = false
    try {
      const result = await work.first(claim)
      isKept = true
      return { result }
    } catch (error) {
      if (!isUniqueViolation(error, ONE_KEY)) throw error
      isKept = true
      return null
    } finally {
      running.delete(name)
      resolve(isKept)
    }
  }

  async function read(tenantId: string, { keyHash }: Claim): Promise<KeptRequest | null> {
    const [[row]] = await tenantFlight(sql, wholeTenant(tenantId), (tx) => [selectKept(tx, tenantId, keyHash)])
    if (row === undefined) return null
    if (!row.has_expired) return keptRequest(row)
    await tenantFlight(sql, wholeTenant(tenantId), (tx) => [deleteExpiredKept(tx, tenantId, keyHash)])
    return null
  }
}

/** A key is one principal's, for one route. */
function keyFields({ caller, method, endpoint }: RequestContext, key: string): Buffer {
  const { type, id } = caller.principal
  return encodeFields(['idempotency-key', type, id, method, endpoint, key])
}
