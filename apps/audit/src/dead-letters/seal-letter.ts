import { recordAad } from '@memoric/crypto/record-aad.ts'
import { openBox, sealBox, type SealingKey } from '@memoric/crypto/sealed-box.ts'

/** Nobody knows what a broken message holds, so nothing of it lies open at rest. */
export function sealLetter(key: SealingKey, id: string, payload: Uint8Array): Buffer {
  return sealBox(key, aadOf(id), payload)
}

/** Throws CryptoError `decryption_failed`. */
export function openLetter(key: SealingKey, id: string, sealed: Uint8Array): Buffer {
  return openBox(key, aadOf(id), sealed)
}

function aadOf(id: string) {
  return recordAad({ tenantId: '', subjectId: '', recordId: id, field: 'dead_letter', version: 1 })
}
