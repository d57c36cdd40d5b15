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
import { STALE_KEY } from '../memories/subject-lock-repository.ts'
import { selectNextKeyVersion } from '../privacy/erasure-repository.ts'
import {
  insertSubjectKey,
  insertTenantKey,
  requireNoErasure,
  selectSubjectKeys,
  selectTenantKeys,
  type SubjectKeyRow,
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

/** The subject that is to be read has no key. */
class NoKey extends Error {}

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
    async forWriting(tenantId, subjectId, work) {
      const load = () => loadOrCreateSubject(tenantId, subjectId)
      for (;;) {
        try {
          return await subjects.use(cacheId(tenantId, subjectId), load, work)
        } catch (error) {
          // Somebody who only reads was about to load them, and found none.
          if (!(error instanceof NoKey)) throw error
        }
      }
    },
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

  /** The keys are read within the load, so that what is forgotten meanwhile is not kept. */
  async function readWith<R>(
    tenantId: string,
    subjectId: string,
    work: (keys: SubjectKeys | null) => R | Promise<R>,
  ): Promise<R> {
    const load = async (): Promise<SubjectKeys> => {
      const { rows } = await readSubject(tenantId, subjectId)
      if (rows.length === 0) throw new NoKey()
      return unwrapSubject(tenantId, subjectId, rows)
    }
    try {
      return await subjects.use(cacheId(tenantId, subjectId), load, work)
    } catch (error) {
      if (!(error instanceof NoKey)) throw error
      return work(null)
    }
  }

  async function loadOrCreateSubject(tenantId: string, subjectId: string): Promise<SubjectKeys> {
    const { rows, nextVersion } = await readSubject(tenantId, subjectId)
    const wrapped = rows.length > 0 ? rows : await createSubject(tenantId, subjectId, nextVersion)
    return unwrapSubject(tenantId, subjectId, wrapped)
  }

  async function readSubject(tenantId: string, subjectId: string) {
    const [rows, [next]] = await tenantFlight(sql, wholeTenant(tenantId), (tx) => [
      selectSubjectKeys(tx, tenantId, subjectId),
      selectNextKeyVersion(tx, { tenantId, subjectId }),
    ])
    return { rows, nextVersion: next?.version ?? 1 }
  }

  async function createSubject(tenantId: string, subjectId: string, version: number): Promise<SubjectKeyRow[]> {
    try {
      return await insertSubject(tenantId, subjectId, version)
    } catch (error) {
      // The key of the tenant that this process knows has been destroyed since: another one wraps now.
      if (errorCode(error) === SQLSTATE.foreignKeyViolation) tenants.delete(tenantId)
      else if (errorCode(error) !== STALE_KEY) throw error
      const { nextVersion } = await readSubject(tenantId, subjectId)
      return insertSubject(tenantId, subjectId, nextVersion)
    }
  }

  async function insertSubject(tenantId: string, subjectId: string, version: number): Promise<SubjectKeyRow[]> {
    const fresh = await withTenantKeys(tenantId, (ring) => newSubjectKey(ring.current(), tenantId, subjectId, version))
    const [, , rows] = await tenantFlight(sql, wholeTenant(tenantId), (tx) => [
      requireNoErasure(tx, tenantId, subjectId, version),
      insertSubjectKey(tx, tenantId, subjectId, fresh),
      selectSubjectKeys(tx, tenantId, subjectId),
    ])
    return rows
  }

  async function unwrapSubject(tenantId: string, subjectId: string, rows: SubjectKeyRow[]): Promise<SubjectKeys> {
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
    if (current === undefined) throw new CryptoError('unknown_key')
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
    const key = await keks.unwrap(row, tenantKeyContext(tenantId, row.version)).catch((cause: unknown) => {
      if (!(cause instanceof CryptoError) || cause.code !== 'decryption_failed') throw cause
      throw new CryptoError('unknown_key', { cause })
    })
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
