import { wipe } from '@memoric/crypto/bytes.ts'
import { CryptoError } from '@memoric/crypto/errors.ts'
import type { KekRing } from '@memoric/crypto/kek.ts'
import { createKeyCache, type KeyCache } from '@memoric/crypto/key-cache.ts'
import { createKeyRing, type KeyRing } from '@memoric/crypto/key-ring.ts'
import type { SealingKey } from '@memoric/crypto/sealed-box.ts'
import { generateKey } from '@memoric/crypto/wrapped-key.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { errorCode, SQLSTATE } from '@memoric/postgres/database-error.ts'
import { tenantFlight, type Scope } from '@memoric/postgres/tenant-transaction.ts'
import {
  insertSubjectKey,
  insertTenantKey,
  selectSubjectKeys,
  selectTenantKeys,
  type WrappedSubjectKey,
  type WrappedTenantKey,
} from './key-repository.ts'
import {
  newSubjectKey,
  openSubjectKeys,
  type SubjectKeys,
  subjectWrappingKey,
  tenantKeyContext,
} from './key-wrapping.ts'

export type { SubjectKeys }

export interface KeyStore {
  /** Runs `work` with the keys of the subject, which are made when it is new. */
  forWriting<R>(tenantId: string, subjectId: string, work: (keys: SubjectKeys) => R | Promise<R>): Promise<R>
  /**
   * Runs `work` with the keys of the subject, or with null when it has none; once more when it meets a key that was made
   * since these were read.
   */
  forReading<R>(tenantId: string, subjectId: string, work: (keys: SubjectKeys | null) => R | Promise<R>): Promise<R>
  /** Runs `work` with the keys of the tenant that wrap those of its subjects. */
  withTenantKeys<R>(tenantId: string, work: (ring: KeyRing<SealingKey>) => R | Promise<R>): Promise<R>
  /** Forgets the keys of a subject, so that they are read again. */
  forgetSubject(tenantId: string, subjectId: string): void
  /** Forgets the keys of a tenant and of its subjects. */
  forgetTenant(tenantId: string): void
  /** Forgets all unwrapped keys. */
  close(): void
}

export interface KeyStoreOptions {
  readonly sql: Sql
  readonly keks: KekRing
  readonly maxEntries: number
  /** Longest time that an unwrapped key stays in memory, ms. */
  readonly ttlMs: number
  readonly now?: () => number
}

const SWEEP_MS = 30_000

/** Unwraps tenant and subject keys on demand and keeps them for a while. */
export function createKeyStore({ sql, keks, maxEntries, ttlMs, now = Date.now }: KeyStoreOptions): KeyStore {
  const tenants: KeyCache<KeyRing<SealingKey>> = createKeyCache({ maxEntries, ttlMs, now, dispose: destroyRing })
  const subjects: KeyCache<SubjectKeys> = createKeyCache({ maxEntries, ttlMs, now, dispose: destroySubjectKeys })
  const sweeper = setInterval(() => {
    tenants.sweep()
    subjects.sweep()
  }, SWEEP_MS).unref()
  const withTenantKeys: KeyStore['withTenantKeys'] = (tenantId, work) =>
    tenants.use(tenantId, () => loadOrCreateTenant(tenantId), work)

  return {
    withTenantKeys,
    forWriting: (tenantId, subjectId, work) =>
      subjects.use(cacheId(tenantId, subjectId), () => loadOrCreateSubject(tenantId, subjectId), work),
    async forReading(tenantId, subjectId, work) {
      try {
        return await readWith(tenantId, subjectId, work)
      } catch (error) {
        if (!(error instanceof CryptoError) || error.code !== 'unknown_key') throw error
        subjects.delete(cacheId(tenantId, subjectId))
        tenants.delete(tenantId)
        return readWith(tenantId, subjectId, work)
      }
    },
    forgetSubject: (tenantId, subjectId) => subjects.delete(cacheId(tenantId, subjectId)),
    forgetTenant(tenantId) {
      tenants.delete(tenantId)
      subjects.deleteWhere((id) => id.startsWith(`${tenantId} `))
    },
    close() {
      clearInterval(sweeper)
      subjects.clear()
      tenants.clear()
    },
  }

  async function readWith<R>(
    tenantId: string,
    subjectId: string,
    work: (keys: SubjectKeys | null) => R | Promise<R>,
  ): Promise<R> {
    const id = cacheId(tenantId, subjectId)
    if (subjects.get(id) !== undefined) return subjects.use(id, () => loadOrCreateSubject(tenantId, subjectId), work)
    const wrapped = await readSubject(tenantId, subjectId)
    if (wrapped.length === 0) return work(null)
    return subjects.use(id, () => unwrapSubject(tenantId, subjectId, wrapped), work)
  }

  async function loadOrCreateSubject(tenantId: string, subjectId: string): Promise<SubjectKeys> {
    const known = await readSubject(tenantId, subjectId)
    const wrapped = known.length > 0 ? known : await createSubject(tenantId, subjectId)
    return unwrapSubject(tenantId, subjectId, wrapped)
  }

  async function readSubject(tenantId: string, subjectId: string): Promise<WrappedSubjectKey[]> {
    const [rows] = await tenantFlight(sql, wholeTenant(tenantId), (tx) => [selectSubjectKeys(tx, tenantId, subjectId)])
    return rows
  }

  async function createSubject(tenantId: string, subjectId: string): Promise<WrappedSubjectKey[]> {
    try {
      return await insertSubject(tenantId, subjectId)
    } catch (error) {
      // The key of the tenant that this process knows has been destroyed since: another one wraps now.
      if (errorCode(error) !== SQLSTATE.foreignKeyViolation) throw error
      tenants.delete(tenantId)
      return insertSubject(tenantId, subjectId)
    }
  }

  async function insertSubject(tenantId: string, subjectId: string): Promise<WrappedSubjectKey[]> {
    const fresh = await withTenantKeys(tenantId, (ring) => newSubjectKey(ring.current(), tenantId, subjectId))
    const [, rows] = await tenantFlight(sql, wholeTenant(tenantId), (tx) => [
      insertSubjectKey(tx, tenantId, subjectId, fresh),
      selectSubjectKeys(tx, tenantId, subjectId),
    ])
    return rows
  }

  async function unwrapSubject(tenantId: string, subjectId: string, rows: WrappedSubjectKey[]): Promise<SubjectKeys> {
    try {
      return await withTenantKeys(tenantId, (ring) => openSubjectKeys(ring, tenantId, subjectId, rows))
    } catch (error) {
      if (!(error instanceof CryptoError) || error.code !== 'unknown_key') throw error
      tenants.delete(tenantId)
      return withTenantKeys(tenantId, (ring) => openSubjectKeys(ring, tenantId, subjectId, rows))
    }
  }

  async function loadOrCreateTenant(tenantId: string): Promise<KeyRing<SealingKey>> {
    const [known] = await tenantFlight(sql, wholeTenant(tenantId), (tx) => [selectTenantKeys(tx, tenantId)])
    const [current, ...previous] = await Promise.all(
      (known.length > 0 ? known : await createTenant(tenantId)).map((row) => unwrapTenantKey(tenantId, row)),
    )
    if (current === undefined) throw new Error('a tenant without a key')
    return createKeyRing(current, previous)
  }

  async function createTenant(tenantId: string): Promise<WrappedTenantKey[]> {
    const stored = await wrapTenantKey(keks, tenantId, 1)
    const [, rows] = await tenantFlight(sql, wholeTenant(tenantId), (tx) => [
      insertTenantKey(tx, tenantId, stored),
      selectTenantKeys(tx, tenantId),
    ])
    return rows
  }

  async function unwrapTenantKey(tenantId: string, row: WrappedTenantKey): Promise<SealingKey> {
    const key = await keks.unwrap(row, tenantKeyContext(tenantId, row.version))
    const sealing = subjectWrappingKey(key, row.version)
    wipe(key)
    return sealing
  }
}

/** A new version of the key of a tenant. */
export async function wrapTenantKey(keks: KekRing, tenantId: string, version: number): Promise<WrappedTenantKey> {
  const key = generateKey()
  const stored = await keks.wrap(key, tenantKeyContext(tenantId, version))
  wipe(key)
  return { version, ...stored }
}

/** Keys are read for the service itself, which needs them before it can tell what the caller may see. */
export function wholeTenant(tenantId: string): Scope {
  return { tenantId, subjects: '*', namespaces: '*' }
}

function cacheId(tenantId: string, subjectId: string): string {
  return `${tenantId} ${subjectId}`
}

function destroyRing(ring: KeyRing<SealingKey>): void {
  for (const id of ring.ids()) ring.byId(id).destroy()
}

function destroySubjectKeys({ content, index }: SubjectKeys): void {
  destroyRing(content)
  destroyRing(index)
}
