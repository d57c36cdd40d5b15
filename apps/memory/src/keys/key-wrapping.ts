import { createSecretKey, type KeyObject } from 'node:crypto'
import { wipe } from '@memoric/crypto/bytes.ts'
import { deriveKey } from '@memoric/crypto/derive-key.ts'
import { CryptoError } from '@memoric/crypto/errors.ts'
import type { KekContext } from '@memoric/crypto/kek.ts'
import { createKeyRing, type KeyRing } from '@memoric/crypto/key-ring.ts'
import { createSealingKey, type SealingKey } from '@memoric/crypto/sealed-box.ts'
import { generateKey, unwrapKey, wrapKey } from '@memoric/crypto/wrapped-key.ts'
import type { SubjectKeyRow, WrappedSubjectKey } from './key-repository.ts'

/** The unwrapped keys of one subject. */
export interface SubjectKeys {
  /** Seals memories; previous versions open what they sealed. Ids are the versions. */
  readonly content: KeyRing<SealingKey>
  /** Seals search segments, in the same versions. */
  readonly index: KeyRing<SealingKey>
  /** Keys the fingerprints of the subject's contents. */
  readonly fingerprintKey: KeyObject
  /** Whether the subject has withdrawn its consent: its memories are not for reading. */
  readonly isStopped: boolean
}

/** Context under which a KEK wraps the key of a tenant. */
export function tenantKeyContext(tenantId: string, version: number): KekContext {
  return { service: 'memory', tenant_id: tenantId, version: String(version) }
}

/** The key that wraps the keys of subjects, from the key of their tenant. */
export function subjectWrappingKey(tenantKey: Buffer, version: number): SealingKey {
  return sealingKey(tenantKey, version, 'wrap')
}

/** The first key of a subject, in a version that none of its keys ever had. */
export function newSubjectKey(
  wrapping: SealingKey,
  tenantId: string,
  subjectId: string,
  version: number,
): WrappedSubjectKey {
  const key = generateKey()
  const wrapped = wrapKey(wrapping, context(tenantId, subjectId, version), key)
  wipe(key)
  return { version, wrapped, fingerprint_wrapped: null, tenant_key_version: wrapping.id }
}

/** The next key of a subject. It carries the key of fingerprints on, so that duplicates stay known. */
export function nextSubjectKey(
  ring: KeyRing<SealingKey>,
  tenantId: string,
  subjectId: string,
  current: WrappedSubjectKey,
): WrappedSubjectKey {
  const [version, wrapping] = [current.version + 1, ring.current()]
  const [key, fingerprintKey] = [generateKey(), unwrapFingerprintKey(ring, tenantId, subjectId, current)]
  const wrapped = wrapKey(wrapping, context(tenantId, subjectId, version), key)
  const fingerprint_wrapped = wrapKey(wrapping, fingerprintContext(tenantId, subjectId, version), fingerprintKey)
  wipe(key, fingerprintKey)
  return { version, wrapped, fingerprint_wrapped, tenant_key_version: wrapping.id }
}

/** The same key under the current key of the tenant. */
export function rewrapSubjectKey(
  ring: KeyRing<SealingKey>,
  tenantId: string,
  subjectId: string,
  { version, wrapped, fingerprint_wrapped: fingerprint }: WrappedSubjectKey,
): WrappedSubjectKey {
  const wrapping = ring.current()
  const anew = (box: Buffer, at: readonly (string | number)[]): Buffer => {
    const key = unwrapKey(ring, at, box)
    const rewrapped = wrapKey(wrapping, at, key)
    wipe(key)
    return rewrapped
  }
  return {
    version,
    wrapped: anew(wrapped, context(tenantId, subjectId, version)),
    fingerprint_wrapped:
      fingerprint === null ? null : anew(fingerprint, fingerprintContext(tenantId, subjectId, version)),
    tenant_key_version: wrapping.id,
  }
}

/**
 * Every version of a subject's key, newest first. Throws CryptoError `unknown_key` when there is none, or one was not wrapped for
 * this subject by a key of the ring.
 */
export function openSubjectKeys(
  ring: KeyRing<SealingKey>,
  tenantId: string,
  subjectId: string,
  rows: readonly SubjectKeyRow[],
): SubjectKeys {
  const [newest] = rows
  if (newest === undefined) throw new CryptoError('unknown_key')
  const opened = rows.map(({ version, wrapped }) => {
    const key = orUnknown(() => unwrapKey(ring, context(tenantId, subjectId, version), wrapped))
    const derived = { content: sealingKey(key, version, 'content'), index: sealingKey(key, version, 'index') }
    wipe(key)
    return derived
  })
  const fingerprint = orUnknown(() => unwrapFingerprintKey(ring, tenantId, subjectId, newest))
  const fingerprintKey = createSecretKey(fingerprint)
  wipe(fingerprint)
  return {
    content: ringOf(opened.map(({ content }) => content)),
    index: ringOf(opened.map(({ index }) => index)),
    fingerprintKey,
    isStopped: newest.stopped ?? false,
  }
}

/** A wrapped key that does not open is as good as none: the key that is asked for cannot be had. */
function orUnknown(unwrap: () => Buffer): Buffer {
  try {
    return unwrap()
  } catch (cause) {
    if (!(cause instanceof CryptoError) || cause.code !== 'decryption_failed') throw cause
    throw new CryptoError('unknown_key', { cause })
  }
}

function ringOf([current, ...previous]: readonly SealingKey[]): KeyRing<SealingKey> {
  if (current === undefined) throw new Error('a ring without a key')
  return createKeyRing(current, previous)
}

function unwrapFingerprintKey(
  ring: KeyRing<SealingKey>,
  tenantId: string,
  subjectId: string,
  { version, wrapped, fingerprint_wrapped: own }: WrappedSubjectKey,
): Buffer {
  if (own !== null) return unwrapKey(ring, fingerprintContext(tenantId, subjectId, version), own)
  const key = unwrapKey(ring, context(tenantId, subjectId, version), wrapped)
  const derived = deriveKey(key, 'fingerprint')
  wipe(key)
  return derived
}

function sealingKey(key: Buffer, version: number, purpose: 'content' | 'index' | 'wrap'): SealingKey {
  const derived = deriveKey(key, purpose)
  const sealing = createSealingKey(version, derived)
  wipe(derived)
  return sealing
}

function context(tenantId: string, subjectId: string, version: number) {
  return ['subject-key', tenantId, subjectId, version]
}

function fingerprintContext(tenantId: string, subjectId: string, version: number) {
  return ['fingerprint-key', tenantId, subjectId, version]
}
