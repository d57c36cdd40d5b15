import { createSecretKey, type KeyObject } from 'node:crypto'
import { wipe } from '@memoric/crypto/bytes.ts'
import { deriveKey } from '@memoric/crypto/derive-key.ts'
import type { KekProvider } from '@memoric/crypto/kek.ts'
import { createKeyCache, type KeyCache } from '@memoric/crypto/key-cache.ts'
import { createKeyRing, type KeyRing } from '@memoric/crypto/key-ring.ts'
import { createSealingKey, type SealingKey } from '@memoric/crypto/sealed-box.ts'
import { generateKey, unwrapKey, wrapKey } from '@memoric/crypto/wrapped-key.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { tenantFlight, type Scope } from '@memoric/postgres/tenant-transaction.ts'
import {
  insertSubjectKey,
  insertTenantKey,
  selectSubjectKeys,
  selectTenantKeys,
  type WrappedSubjectKey,
  type WrappedTenantKey,
} from './key-repository.ts'

/** The unwrapped keys of one subject. */
export interface SubjectKeys {
  /** Seals memories; previous versions open what they sealed. */
  readonly content: KeyRing<SealingKey>
  /** Keys the fingerprints of the subject's contents. */
  readonly fingerprintKey: KeyObject
}

export interface KeyStore {
  /** Runs `work` with the keys of the subject, which are made when it is new. */
  forWriting<R>(tenantId: string, subjectId: string, work: (keys: SubjectKeys) => R | Promise<R>): Promise<R>
  /** Runs `work` with the keys of the subject, or with null when it has none. */
  forReading<R>(tenantId: string, subjectId: string, work: (keys: SubjectKeys | null) => R | Promise<R>): Promise<R>
  /** Forgets all unwrapped keys. */
  close(): void
}

export interface KeyStoreOptions {
  readonly sql: Sql
  readonly kek: KekProvider
  readonly maxEntries: number
  /** Longest time that an unwrapped key stays in memory, ms. */
  readonly ttlMs: number
  readonly now?: () => number
}

const SWEEP_MS = 30_000

/** Unwraps tenant and subject keys on demand and keeps them for a while. */
export function createKeyStore({ sql, kek, maxEntries, ttlMs, now = Date.now }: KeyStoreOptions): KeyStore {
  const tenants: KeyCache<KeyRing<SealingKey>> = createKeyCache({ maxEntries, ttlMs, now, dispose: destroyRing })
  const subjects: KeyCache<SubjectKeys> = createKeyCache({ maxEntries, ttlMs, now, dispose: destroySubjectKeys })
  const sweeper = setInterval(() => {
    tenants.sweep()
    subjects.sweep()
  }, SWEEP_MS).unref()

  return {
    forWriting: (tenantId, subjectId, work) =>
      subjects.use(cacheId(tenantId, subjectId), () => loadOrCreateSubject(tenantId, subjectId), work),
    async forReading(tenantId, subjectId, work) {
      const id = cacheId(tenantId, subjectId)
      if (subjects.get(id) !== undefined) return subjects.use(id, () => loadOrCreateSubject(tenantId, subjectId), work)
      const wrapped = await readSubject(tenantId, subjectId)
      if (wrapped.length === 0) return work(null)
      return subjects.use(id, () => unwrapSubject(tenantId, subjectId, wrapped), work)
    },
    close() {
      clearInterval(sweeper)
      subjects.clear()
      tenants.clear()
    },
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
    const fresh = await withTenantKey(tenantId, (ring) => wrapSubjectKey(ring.current(), tenantId, subjectId))
    const [, rows] = await tenantFlight(sql, wholeTenant(tenantId), (tx) => [
      insertSubjectKey(tx, tenantId, subjectId, fresh),
      selectSubjectKeys(tx, tenantId, subjectId),
    ])
    return rows
  }

  function unwrapSubject(tenantId: string, subjectId: string, rows: WrappedSubjectKey[]): Promise<SubjectKeys> {
    return withTenantKey(tenantId, (ring) => {
      const [current, ...previous] = rows.map(({ version, wrapped }) => {
        const key = unwrapKey(ring, subjectContext(tenantId, subjectId, version), wrapped)
        const unwrapped = { content: contentKey(version, key), fingerprint: fingerprintKey(key) }
        wipe(key)
        return unwrapped
      })
      if (current === undefined) throw new Error('a subject without a key')
      const content = createKeyRing(
        current.content,
        previous.map((older) => older.content),
      )
      // Fingerprints must not change with the key, so the first version keys them for good.
      return { content, fingerprintKey: previous.at(-1)?.fingerprint ?? current.fingerprint }
    })
  }

  function withTenantKey<R>(tenantId: string, work: (ring: KeyRing<SealingKey>) => R): Promise<R> {
    return tenants.use(tenantId, () => loadOrCreateTenant(tenantId), work)
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
    const key = generateKey()
    const wrapped = await kek.wrap(key, tenantContext(tenantId, 1))
    wipe(key)
    const [, rows] = await tenantFlight(sql, wholeTenant(tenantId), (tx) => [
      insertTenantKey(tx, tenantId, wrapped, kek.id),
      selectTenantKeys(tx, tenantId),
    ])
    return rows
  }

  async function unwrapTenantKey(tenantId: string, { version, wrapped }: WrappedTenantKey): Promise<SealingKey> {
    const key = await kek.unwrap(wrapped, tenantContext(tenantId, version))
    const wrapping = deriveKey(key, 'wrap')
    const sealing = createSealingKey(version, wrapping)
    wipe(key, wrapping)
    return sealing
  }
}

function contentKey(version: number, subjectKey: Buffer): SealingKey {
  const derived = deriveKey(subjectKey, 'content')
  const sealing = createSealingKey(version, derived)
  wipe(derived)
  return sealing
}

function fingerprintKey(subjectKey: Buffer): KeyObject {
  const derived = deriveKey(subjectKey, 'fingerprint')
  const key = createSecretKey(derived)
  wipe(derived)
  return key
}

function wrapSubjectKey(wrapping: SealingKey, tenantId: string, subjectId: string): WrappedSubjectKey {
  const key = generateKey()
  const wrapped = wrapKey(wrapping, subjectContext(tenantId, subjectId, 1), key)
  wipe(key)
  return { version: 1, wrapped, tenant_key_version: wrapping.id }
}

function tenantContext(tenantId: string, version: number) {
  return { service: 'memory', tenant_id: tenantId, version: String(version) }
}

function subjectContext(tenantId: string, subjectId: string, version: number) {
  return ['subject-key', tenantId, subjectId, version]
}

/** Keys are read for the service itself, which needs them before it can tell what the caller may see. */
function wholeTenant(tenantId: string): Scope {
  return { tenantId, subjects: '*', namespaces: '*' }
}

function cacheId(tenantId: string, subjectId: string): string {
  return `${tenantId} ${subjectId}`
}

function destroyRing(ring: KeyRing<SealingKey>): void {
  for (const id of ring.ids()) ring.byId(id).destroy()
}

function destroySubjectKeys({ content }: SubjectKeys): void {
  destroyRing(content)
}
